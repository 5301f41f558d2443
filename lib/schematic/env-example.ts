import { textIn, type Tree } from './tree.js';

const PATH = '.env.example';

const TEXT = `# ZITADEL. Copy this file to .env, and start with: npx nest start --env-file .env
# Keep .env and key files out of the repository.

# The origin of your ZITADEL, exactly as its tokens name it.
ZITADEL_ISSUER=https://acme.zitadel.cloud
# The id of your project. Tokens of your callers must be for it.
ZITADEL_PROJECT_ID=

# The others are for options that you write yourself: see the guide of nestjs-zitadel.
# Another address of the same ZITADEL, for example inside a cluster.
# ZITADEL_INTERNAL_URL=
# The client id of the application that your users sign in with.
# ZITADEL_CLIENT_ID=
# Paths of key files: of the application of type API (introspection), and of the service user.
# ZITADEL_API_KEY=./secrets/api.json
# ZITADEL_SERVICE_USER_KEY=./secrets/service-user.json
# The ids of the organizations whose memberships the service user reads, with commas between. * means all.
# ZITADEL_ORGANIZATIONS=
# The signing key of the target that sends ZITADEL's events.
# ZITADEL_SIGNING_KEY=
# REDIS_URL=redis://localhost:6379

# Only for \`npx nestjs-zitadel setup\`, never for the application: the same origin, and a personal access token.
# ZITADEL_URL=
# ZITADEL_PAT=
`;

/** Writes `.env.example`, or adds to it. Never `.env`. Returns what was done. */
export function addEnvExample(tree: Tree): string {
  const before = textIn(tree, PATH);
  if (before === undefined) {
    tree.create(PATH, TEXT);
    return `${PATH} names what the application reads from its environment. Copy it to .env.`;
  }
  if (/^\s*#?\s*ZITADEL_ISSUER\s*=/m.test(before)) return `${PATH} names ZITADEL_ISSUER already.`;
  tree.overwrite(PATH, `${before.trimEnd()}\n\n${TEXT}`);
  return `${PATH} now names what the application reads about ZITADEL. Copy that to .env.`;
}
