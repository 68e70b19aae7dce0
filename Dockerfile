# The harness as an image: docs/image.md says how to run it.
#
#   docker build --tag capacity-harness .
#
# Without a package index in reach, put wheels into the folder wheels, and add
#   --build-arg PIP_NO_INDEX=1 --build-arg PIP_FIND_LINKS=wheels --build-arg PACKAGE=capacity-harness
ARG BASE=debian:bookworm-slim
FROM ${BASE} AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv
WORKDIR /src
COPY . .
ARG PIP_NO_INDEX=
ARG PIP_FIND_LINKS=
ARG PACKAGE=.
RUN python3 -m venv /opt/harness \
    && /opt/harness/bin/python -m pip install --no-cache-dir --constraint constraints.txt "${PACKAGE}"

FROM ${BASE}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git openssh-client python3 \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt /var/log/dpkg.log \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin harness \
    && install --directory --owner=harness /work
COPY --from=build /opt/harness /opt/harness
ENV PATH=/opt/harness/bin:$PATH HOME=/tmp
USER harness
WORKDIR /work
ENTRYPOINT ["harness"]
CMD ["--help"]
