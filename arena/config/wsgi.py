import os

from django.core.wsgi import get_wsgi_application

from arena.config.bodies import PatientWithBodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "arena.config.settings")
application = PatientWithBodies(get_wsgi_application())
