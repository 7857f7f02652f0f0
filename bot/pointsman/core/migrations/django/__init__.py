"""Django's migrations, read and edited as text: an environment per app label; nothing of a project is imported."""
