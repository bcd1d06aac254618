# One image for the receiver, the ticket API, the worker and the scheduler; which one it is, is the command.
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/hookdesk
WORKDIR /src
COPY requirements.lock ./
RUN /opt/hookdesk/bin/pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY worker/ worker/
COPY webhooks/ webhooks/
RUN /opt/hookdesk/bin/pip install --no-deps --no-build-isolation . && /opt/hookdesk/bin/pip check

FROM python:3.11-slim
# The uid is fixed so that volumes keep their owner over rebuilds.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin hookdesk \
    && install --directory --owner hookdesk --group hookdesk /var/lib/hookdesk
COPY --from=build /opt/hookdesk /opt/hookdesk
# Everything that is written goes to the data folder (database or spool, generated secrets), so the rest may be read-only.
ENV PATH=/opt/hookdesk/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOOKDESK_DATA_DIR=/var/lib/hookdesk \
    HOOKDESK_HOST=0.0.0.0 \
    HOOKDESK_API_HOST=0.0.0.0 \
    HOOKDESK_METRICS_HOST=0.0.0.0
USER hookdesk
WORKDIR /var/lib/hookdesk
VOLUME /var/lib/hookdesk
EXPOSE 8000 8001 9810 9811 9812
STOPSIGNAL SIGTERM
ENTRYPOINT ["hookdesk"]
CMD ["--help"]
