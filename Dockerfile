# docker build -t sluicegate .
#
# The result holds the program, glibc, the certificate authorities and nothing else: no shell, no
# package manager, an ordinary user. Pin both images by digest for your builds.
FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --release --package sluicegate \
    && mkdir -p -m 0700 /out/data \
    && cp target/release/sluicegate /out/sluicegate

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/sluicegate /usr/local/bin/sluicegate
COPY --from=build --chown=65532:65532 /out/data /var/lib/sluicegate
# The API stays on the container's loopback. SLUICEGATE_API_LISTEN=0.0.0.0:5080 with
# SLUICEGATE_API_AUTH=anonymous opens it for reads; SLUICEGATE_NAME is for names other containers use.
ENV SLUICEGATE_LISTEN=0.0.0.0:5000 \
    SLUICEGATE_DATA=/var/lib/sluicegate
USER 65532:65532
VOLUME /var/lib/sluicegate
EXPOSE 5000 5080
HEALTHCHECK CMD ["/usr/local/bin/sluicegate", "health", "--quiet"]
ENTRYPOINT ["/usr/local/bin/sluicegate"]
CMD ["serve"]
