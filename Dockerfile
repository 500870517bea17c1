# One image for every process of an enclave and for every level: the level is configuration.
# The last stage is the server's; `--target rehearsal` makes the one that can play and forge.
FROM python:3.13-slim AS build
# the system's certificates also know what a proxy of the builder's network signs with
ENV UV_SYSTEM_CERTS=true UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 \
    PYTHONSAFEPATH=1
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir --quiet 'uv>=0.13,<0.14'
WORKDIR /app
COPY pyproject.toml uv.lock README.md LICENSE ./
# the database is another container: the embedded one is left out
RUN /opt/uv/bin/uv sync --frozen --no-dev --extra server --extra pkcs11 --extra s3 --extra xlsx --extra traces --no-install-project
COPY keys keys
COPY ledger ledger
COPY projections projections
COPY api api
COPY docs/spec docs/spec
# as a wheel, which has no rehearsal in it
RUN /opt/uv/bin/uv sync --frozen --no-dev --extra server --extra pkcs11 --extra s3 --extra xlsx --extra traces --no-editable

FROM build AS checkout
RUN /opt/uv/bin/uv sync --frozen --no-dev --extra server --extra pkcs11 --extra s3 --extra xlsx --extra traces

FROM python:3.13-slim AS bare
RUN groupadd --gid 10001 socai \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent socai \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/socai /var/lib/socai/home \
    /var/lib/socai/home/cast /var/lib/socai/files /var/lib/socai/keys /var/lib/socai/keys/log \
    /var/lib/socai/keys/pq /var/lib/socai/keys/access \
    /var/lib/socai/keys/access-pq /var/lib/socai/keys/kek /var/lib/socai/keys/registrar \
    /var/lib/socai/keys/service /var/lib/socai/keys/vault \
    /var/lib/socai/keys/backup /var/lib/socai/backups \
    /var/lib/socai/seen /var/lib/socai/seen/api \
    /var/lib/socai/seen/checkpointer /var/lib/socai/seen/access /var/lib/socai/seen/projector \
    /var/lib/socai/seen/follower /var/lib/socai/keeper \
 && install -d -o 10001 -g 10001 -m 0755 /var/lib/socai/metrics
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1 \
    SOCAI_HOME=/var/lib/socai/home SOCAI_KEYS_DIR=/var/lib/socai/keys \
    SOCAI_SEEN_DIR=/var/lib/socai/seen
USER 10001:10001
WORKDIR /var/lib/socai
ENTRYPOINT ["socai"]
CMD ["--help"]

FROM bare AS rehearsal
COPY --from=checkout /app /app

FROM bare AS server
COPY --from=build /app/.venv /app/.venv
EXPOSE 8000
