"""The API as a WSGI application: its process and worker, framework, resources and shapes."""
