// One run at a time in one clone: two would delete each other's build.
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

// What a run starts inherits this, and may do its part of the run.
const HOLDER = 'NESTJS_ZITADEL_RUN';

/** Ends this process with one sentence, if a run is under way in this clone. */
export function refuseBesideAnother(folder = join(root, '.build')) {
  const holder = readHolder(join(folder, 'run.lock'));
  if (holder === undefined || isOurs(holder) || !isAlive(holder)) return;
  console.error(
    `\`${holder.what}\` is running in this clone (process ${holder.pid}): let it end, or use another clone.`,
  );
  process.exit(1);
}

/** As `refuseBesideAnother`; else others are refused until this process ends. */
export function runAlone(what, folder = join(root, '.build')) {
  const lock = join(folder, 'run.lock');
  refuseBesideAnother(folder);
  if (isOurs(readHolder(lock))) return;
  const mine = `${lock}.${process.pid}`;
  process.once('exit', () => {
    rmSync(mine, { force: true });
    if (readHolder(lock)?.pid === String(process.pid)) rmSync(lock);
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    mine,
    JSON.stringify({ pid: String(process.pid), born: bornAt(process.pid), what }),
  );
  try {
    // A lock is there with all that it says, or not at all.
    linkSync(mine, lock);
  } catch {
    // Somebody was quicker, or left it behind. Of several who clear it away the last one has it.
    refuseBesideAnother(folder);
    renameSync(mine, lock);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    refuseBesideAnother(folder);
  }
  process.env[HOLDER] = String(process.pid);
}

function isOurs(holder) {
  return holder !== undefined && [process.env[HOLDER], String(process.pid)].includes(holder.pid);
}

function readHolder(lock) {
  try {
    const holder = JSON.parse(readFileSync(lock, 'utf8'));
    return /^\d+$/.test(holder?.pid) ? holder : undefined;
  } catch {
    // None, or half of one: left by a crash.
    return undefined;
  }
}

function isAlive({ pid, born }) {
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    // Somebody else's process cannot be asked, and is one.
    if (error.code !== 'EPERM') return false;
  }
  return born === bornAt(pid);
}

/** Numbers of processes come again, soonest in containers. On Linux their birth tells them apart. */
function bornAt(pid) {
  try {
    // The name, in brackets, may hold anything.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop().split(' ')[19];
  } catch {
    return '';
  }
}
