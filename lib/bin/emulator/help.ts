/** What `emulator --help` shows. */
export const EMULATOR_HELP = `Usage: npx nestjs-zitadel emulator [<world.yaml | world.json>] [--port <number>] [--host <address>]
                               [--issuer <origin>] [--open-control] [--json]
       npx nestjs-zitadel emulator --schema

A ZITADEL for tests on a port, for applications in any language: sign-in page, tokens, introspection, userinfo,
memberships and project grants. The file says what it holds. It runs until it is stopped, and keeps nothing.
Calls under /emulator tell ids and secrets, make tokens, change members, let calls fail and begin again.

Options:
  --port <number>    where it listens (default: 8080); 0 takes a free port
  --host <address>   at which address (default: 127.0.0.1); 0.0.0.0 for other machines and containers
  --issuer <origin>  under which address it is known, if another than the one printed: http://localhost:8080
  --open-control     lets other machines call /emulator too, which tells them every secret of this world
  --json             writes one line of JSON when it listens: url, issuer, control, pid
  --schema           writes where the JSON schema of worlds is, and ends
  -h, --help         shows this

Exit codes:
  0    stopped by SIGTERM; --schema: done
  1    it could not listen: the port is taken, or not allowed
  2    an argument or the world is wrong; nothing was started
  130  stopped by Ctrl-C

Examples:
  npx nestjs-zitadel emulator world.yaml
  npx nestjs-zitadel emulator world.json --port 0 --json
  curl -s http://127.0.0.1:8080/emulator/world
  curl -s http://127.0.0.1:8080/emulator/faults -d '{"endpoint":"memberships","fault":503,"times":1}'`;
