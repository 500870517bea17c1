"""Agencies, officers, instruments, grants and rules, each with its dates."""
