// The same application, started by a test: by vitest and by Jest, whose globals are alike.
import { tryOut } from './app.js';

declare const test: (name: string, run: () => Promise<void>, timeoutMs: number) => void;

test('the application starts, and its route is guarded', tryOut, 120_000);
