export default {
  distDir: process.env.DIST ?? '.next',
  typescript: { ignoreBuildErrors: true },
  turbopack: { root: import.meta.dirname },
};
