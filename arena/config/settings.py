"""Settings. Every environment variable read here is described in docs/settings.md (a test compares the two).

Importing this module starts nothing and needs no service.
"""

import os
import secrets
from datetime import timedelta
from pathlib import Path

import dj_database_url

from arena.config import env
from arena.config.mail import mail_server
from arena.config.model_providers import model_providers
from arena.config.providers import providers, sign_in_pages
from arena.hosts import host_in

# One thread a process for linear algebra: the web and the worker are several processes on few cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

BASE_DIR = Path(__file__).resolve().parent.parent.parent
ARENA_HOME = Path(env.text("ARENA_HOME", str(BASE_DIR / "var"))).expanduser().absolute()


def _secret_key() -> str:
    """The key from the environment, else one made once for this installation and kept under ARENA_HOME."""
    given = env.text("SECRET_KEY")
    if given:
        return given
    path = ARENA_HOME / "secret_key"
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        pass
    ARENA_HOME.mkdir(parents=True, exist_ok=True)
    fresh = secrets.token_urlsafe(48)
    draft = path.with_name(f"secret_key.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(fresh, encoding="ascii")
    try:
        path.hardlink_to(draft)  # fails where another process was first: its key is the key
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii").strip()


SECRET_KEY = _secret_key()
DEBUG = env.boolean("DEBUG", default=False)
DEMO = env.boolean("ARENA_DEMO", default=False)

# Where we are reached
PORT = env.integer("PORT", 8000, low=1, high=65535)
RELAY_PORT = env.integer("RELAY_PORT", 8001, low=1, high=65535)
RELAY_PUBLIC_URL = env.text("RELAY_PUBLIC_URL", f"ws://127.0.0.1:{RELAY_PORT}")
PUBLIC_URL = env.web_address("PUBLIC_URL", f"http://127.0.0.1:{PORT}")
_LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ",".join(dict.fromkeys([*_LOCAL_HOSTS, host_in(PUBLIC_URL)])))
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
BEHIND_TLS = env.boolean("BEHIND_TLS", default=PUBLIC_URL.startswith("https://"))
TRUST_FORWARDED_FOR = env.boolean("TRUST_FORWARDED_FOR", default=False)

# Rules of the arena that an installation may set
CREDITS_WELCOME = env.integer("CREDITS_WELCOME", 20, low=0)
CREDITS_WEEKLY = env.integer("CREDITS_WEEKLY", 5, low=0)
CREDITS_EARNED = env.integer("CREDITS_EARNED", 2, low=0)
SESSION_LEASE = timedelta(minutes=env.integer("SESSION_LEASE_MINUTES", 120, low=1))
TRAINING_REQUIRED = env.boolean("TRAINING_REQUIRED", default=True)
TRIAL_SESSIONS = env.integer("TRIAL_SESSIONS", 2, low=0)
UNLISTED_VERSIONS_MAX = env.integer("UNLISTED_VERSIONS_MAX", 2, low=0)
MAX_OPEN_SESSIONS = env.integer("MAX_OPEN_SESSIONS", 20, low=1)
REPEAT_SHARE = env.share("REPEAT_SHARE", 0.05)
REQUESTED_SHARE = env.share("REQUESTED_SHARE", 0.5)
SAME_POLICY_SHARE = env.share("SAME_POLICY_SHARE", 0.02)
MAX_UPLOAD_BYTES = env.integer("MAX_UPLOAD_MB", 512, low=1) * 1024 * 1024
UPLOADS_AT_ONCE = env.integer("UPLOADS_AT_ONCE", 24, low=1)
MEDIA_QUOTA_BYTES = env.integer("MEDIA_QUOTA_GB", 0, low=0) * 1024**3
DISK_RESERVE_BYTES = env.integer("DISK_RESERVE_GB", 2, low=0) * 1024**3
ALLOW_PRIVATE_ENDPOINTS = env.boolean("ALLOW_PRIVATE_ENDPOINTS", default=DEMO)
SEASON_MONTHS = env.integer("SEASON_MONTHS", 3, low=1)
BOARD_DEBOUNCE = timedelta(seconds=env.integer("BOARD_DEBOUNCE_SECONDS", 3))

# Vision and language models (docs/providers.md)
MODEL_CALLS_AT_ONCE = env.integer("MODEL_CALLS_AT_ONCE", 8, low=1, high=256)
MODEL_PROVIDERS = model_providers("MODEL_PROVIDERS", env.words("MODEL_PROVIDERS"))
EXPORTS_KEPT = env.integer("EXPORTS_KEPT", 12, low=1)
MODEL_ANSWERS_KEPT = timedelta(days=env.integer("MODEL_ANSWERS_KEPT_DAYS", 180, low=1, high=36500))

INSTALLED_APPS = [
    "arena.apps.StaffConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "pgtrigger",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.github",
    "allauth.socialaccount.providers.google",
    "arena",
    "credits",
    "evaluations",
    "leaderboard",
    "reports",
    "workers",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "arena.errors.ArenaErrorMiddleware",
]

ROOT_URLCONF = "arena.config.urls"
WSGI_APPLICATION = "arena.config.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "arena.pages.site",
            ],
        },
    }
]

# Services. manage.py puts the embedded ones into the environment where none are given.
DATABASES = {
    "default": dj_database_url.parse(env.text("DATABASE_URL", "postgresql:///arena"), conn_max_age=600)
    | {"CONN_HEALTH_CHECKS": True, "ATOMIC_REQUESTS": False}
}
# The owner of the tables, where the platform connects as another role: migrations are the owner's.
_migration_url = env.text("MIGRATION_DATABASE_URL")
MIGRATION_DATABASE = dict(dj_database_url.parse(_migration_url)) if _migration_url else None
REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")
# A broker that hangs holds nobody up for longer. Waiting for work is not cut short: the worker's BRPOP ends by itself
# after a second on the server's side.
_REDIS_TIMEOUTS = {"socket_connect_timeout": 5, "socket_timeout": 5}
CACHES = {
    "default": {
        "BACKEND": "arena.accounts.cache.Cache",
        "LOCATION": REDIS_URL,
        "OPTIONS": _REDIS_TIMEOUTS,
    }
}
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)

# Accounts (arena/accounts)
AUTH_USER_MODEL = "arena.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "lab"
LOGOUT_REDIRECT_URL = "leaderboard"
STEWARD_MFA_REQUIRED = env.boolean("STEWARD_MFA_REQUIRED", default=False)
ACCOUNT_ADAPTER = "arena.accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_CHANGE_EMAIL = True  # one e-mail a person: a new one takes its place once it is confirmed
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Policy Arena: "
ACCOUNT_EMAIL_CONFIRMATION_ANONYMOUS_REDIRECT_URL = "/sign-in"
ACCOUNT_EMAIL_CONFIRMATION_AUTHENTICATED_REDIRECT_URL = "/account"
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = PUBLIC_URL.partition(":")[0]
ACCOUNT_FORMS = {
    "login": "arena.accounts.forms.SignInForm",
    "signup": "arena.accounts.forms.SignUpForm",
    "add_email": "arena.accounts.forms.ChangeEmailForm",
    "change_password": "arena.accounts.forms.ChangePasswordForm",
    "set_password": "arena.accounts.forms.SetPasswordForm",
    "reset_password": "arena.accounts.forms.AskResetForm",
    "reset_password_from_key": "arena.accounts.forms.ResetForm",
    "reauthenticate": "arena.accounts.forms.ConfirmPasswordForm",
}
# A key is an e-mail; for `login_failed` it is account and address, or the account whose second factor is asked for.
# Whoever has used up a key's attempts uses up none of the address that others share: keys come first.
ACCOUNT_RATE_LIMITS = {
    "login": None,  # wrong passwords are bounded, not sign-ins
    "login_failed": "10/10m/key",
    "reset_password": "5/h/key,40/h/ip",
    "signup": "40/h/ip",
    "manage_email": "20/h/user",
}
MFA_ADAPTER = "arena.accounts.adapter.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Policy Arena"
MFA_TOTP_TOLERANCE = 1  # clocks of telephones may be half a minute off
MFA_FORMS = {
    "authenticate": "arena.accounts.forms.CodeForm",
    "reauthenticate": "arena.accounts.forms.ConfirmCodeForm",
    "activate_totp": "arena.accounts.forms.ActivateAppForm",
}
SOCIALACCOUNT_ADAPTER = "arena.accounts.providers.ProviderAdapter"
# An e-mail that its provider hosts signs in to the account of that e-mail and is connected to it (docs/operators.md).
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10
SOCIALACCOUNT_PROVIDERS = providers(
    google=(env.text("GOOGLE_CLIENT_ID"), env.text("GOOGLE_CLIENT_SECRET")),
    github=(env.text("GITHUB_CLIENT_ID"), env.text("GITHUB_CLIENT_SECRET")),
)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# E-mail: over SMTP where a server is named, else one private file a message
_mail = mail_server("EMAIL_URL", env.text("EMAIL_URL"))
EMAIL_BACKEND = _mail.backend
EMAIL_FILE_PATH = ARENA_HOME / "mail"
EMAIL_HOST = _mail.host
EMAIL_PORT = _mail.port
EMAIL_HOST_USER = _mail.user
EMAIL_HOST_PASSWORD = _mail.password
EMAIL_USE_TLS = _mail.starttls
EMAIL_USE_SSL = _mail.tls
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", f"Policy Arena <no-reply@{host_in(PUBLIC_URL)}>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = ARENA_HOME / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True  # served from where they lie: nothing to collect before the first start
FILE_UPLOAD_TEMP_DIR = ARENA_HOME / "uploading"  # beside the media: large bodies fit, and are moved rather than copied
FILE_UPLOAD_PERMISSIONS = 0o640
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
DATA_UPLOAD_MAX_NUMBER_FILES = 12

# The RoboArena client speaks plain http and follows a 301 with a GET: TLS is required by the front server, not here.
SECURE_SSL_REDIRECT = False
SESSION_COOKIE_SECURE = BEHIND_TLS
CSRF_COOKIE_SECURE = BEHIND_TLS
CSRF_FAILURE_VIEW = "arena.errors.csrf_failure"
SECURE_HSTS_SECONDS = env.integer("HSTS_SECONDS", 3600 if BEHIND_TLS else 0)
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
if BEHIND_TLS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "base-uri": ["'none'"],
        # A browser that is sent on to a provider by our form asks whether the form may lead there.
        "form-action": ["'self'", *sign_in_pages(SOCIALACCOUNT_PROVIDERS)],
        "frame-ancestors": ["'none'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "arena.errors.drf_exception_handler",
    "DEFAULT_SCHEMA_CLASS": "arena.api.schema.Schema",
}
# What one key or person, or one address without either, may ask of /api/v1/ in a minute
API_READS_PER_MINUTE = env.integer("API_READS_PER_MINUTE", 600, low=1)
API_WRITES_PER_MINUTE = env.integer("API_WRITES_PER_MINUTE", 120, low=1)
API_ANONYMOUS_PER_MINUTE = env.integer("API_ANONYMOUS_PER_MINUTE", 60, low=1)
SPECTACULAR_SETTINGS = {
    "TITLE": "Policy Arena",
    "VERSION": "1",
    "DESCRIPTION": "Blind paired evaluation of robot policies. How to use it: docs/api.md.",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_PATCH": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "PATH_CONVERTER_OVERRIDES": {
        "label": {"type": "string", "enum": ["A", "B"]},
        "int": {"type": "integer", "minimum": 0},
        "slug": {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"},
    },
    "PREPROCESSING_HOOKS": ["arena.api.schema.only_our_api"],
    "POSTPROCESSING_HOOKS": ["evaluations.api.uploads_schema.with_uploads", "arena.api.schema.in_our_form"],
    "SERVE_PUBLIC": True,
}

LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", among=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    # A request line can hold an access code (the 1.4 client sends it in the address): our own views log what matters.
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.server": {"level": "ERROR"},
        "httpx2": {"level": "WARNING"},  # a line a request; what came of a question is a row
    },
}

# Celery: static schedule in code, tasks shorter than the time after which the broker hands an unfinished one out again
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 900
CELERY_TASK_SOFT_TIME_LIMIT = 840
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, **_REDIS_TIMEOUTS}
CELERY_TIMEZONE = "UTC"
