"""Acts as people write them: questions, answers, drafts in files, what is shown to be signed."""
