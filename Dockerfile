# A homeserver with its data in the volume /data. Set CANDOR_SERVER_NAME and the TLS settings (see server/README.md).
FROM node:24-bookworm-slim AS packages
WORKDIR /candor
COPY package.json package-lock.json .npmrc ./
COPY spec/package.json spec/
COPY federation/package.json federation/
COPY server/package.json server/
COPY client-sdk/package.json client-sdk/
COPY conformance/package.json conformance/
RUN npm ci --omit=dev --workspace @candor/server --include-workspace-root

FROM node:24-bookworm-slim
ENV NODE_ENV=production CANDOR_DATA_DIR=/data
RUN install -d -o node -g node -m 700 /data
WORKDIR /candor
COPY --from=packages /candor ./
COPY LICENSE ./
COPY spec spec
COPY federation federation
COPY server server
USER node
VOLUME /data
EXPOSE 80 443 8448
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["node", "server/bin/candor.js", "health"]
ENTRYPOINT ["node", "--max-semi-space-size=16", "server/bin/candor.js"]
CMD ["serve"]
