/** What `events setup --help` shows. */
export const HELP = `Usage: npx nestjs-zitadel events setup --endpoint <url> [--name <name>] [--yes] [--json]
       npx nestjs-zitadel events setup --check | --rotate | --remove [--name <name>] [--yes] [--json]

Makes a target at ZITADEL that delivers to your application, and an execution on each event that changes what
somebody may do. Shows what it would change, and asks. A second run changes nothing. Targets of others stay.

Environment:
  ZITADEL_URL    the instance: https://acme.zitadel.cloud
  ZITADEL_PAT    a personal access token of an IAM_OWNER. It is never an argument: others could see it there.

Options:
  --endpoint <url>   where your application receives events: https://app.example/zitadel/events
  --name <name>      the name of the target (default: nestjs-zitadel)
  --check            changes and delivers nothing; says what is missing, and whether an application answers where ZITADEL
                     delivers, as far as this machine reaches it; with --endpoint also compares that
  --rotate           makes a new signing key, if the old one is lost or known to others; the old one ends at once
  --remove           takes back what was made: the executions, where they call others too only this target, and the target
  -y, --yes          does not ask
  --json             writes one JSON object to the output: mode, name, exitCode, done, left, unknownEvents, signingKey,
                     receives, error
  -h, --help         shows this

Exit codes:
  0    done, or nothing to do
  1    ZITADEL refused, or could not be reached
  2    an argument or the environment is wrong
  3    --check: something is missing
  4    nobody agreed, so nothing was changed
  130  stopped by Ctrl-C, after the change that was under way

Examples:
  ZITADEL_URL=https://acme.zitadel.cloud ZITADEL_PAT=$(cat pat.txt) \\
    npx nestjs-zitadel events setup --endpoint https://app.example/zitadel/events
  npx nestjs-zitadel events setup --check
  npx nestjs-zitadel events setup --remove --yes`;
