import {
  Catch,
  Controller,
  Get,
  HttpStatus,
  Injectable,
  Sse,
  StreamableFile,
  Version,
  VersioningType,
  type ArgumentsHost,
  type CallHandler,
  type ExceptionFilter,
  type ExecutionContext,
  type MessageEvent,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR, HttpAdapterHost } from '@nestjs/core';
import { catchError, of, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { RequireRole } from '../../lib/index.js';
import { expectAnswer } from '../doors/answers.js';
import { speak } from '../support/speak.js';
import { boot, GLOBAL, guardedController } from '../support/application.js';
import { get, whoGetsIn } from '../support/who-gets-in.js';
import { usePeople } from '../support/world.js';

const people = usePeople();

describe.each(['express', 'fastify'] as const)(
  'what an application puts around, on %s',
  (platform) => {
    it('cannot run a handler by swallowing the refusal in a filter', async () => {
      let ran = 0;
      @Controller('guarded')
      class GuardedController {
        @Get()
        @RequireRole('ORG_OWNER', people.orgA)
        read() {
          ran += 1;
          return {};
        }
      }
      @Catch()
      @Injectable()
      class SwallowingFilter implements ExceptionFilter {
        constructor(private readonly host: HttpAdapterHost) {}

        catch(_error: unknown, host: ArgumentsHost): void {
          const response: unknown = host.switchToHttp().getResponse();
          this.host.httpAdapter.reply(response, { fine: true }, HttpStatus.OK);
        }
      }
      Reflect.defineMetadata('design:paramtypes', [HttpAdapterHost], SwallowingFilter);
      @Injectable()
      class SwallowingInterceptor implements NestInterceptor {
        intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
          return next.handle().pipe(catchError(() => of({ fine: true })));
        }
      }
      const { url } = await boot(people, {
        platform,
        controllers: [GuardedController],
        providers: [
          GLOBAL,
          { provide: APP_FILTER, useClass: SwallowingFilter },
          { provide: APP_INTERCEPTOR, useClass: SwallowingInterceptor },
        ],
      });
      const heard = await get(url, '/guarded', people.tokens.ofB);
      expect(heard.json).toEqual({ fine: true });
      expect(ran).toBe(0);
      await get(url, '/guarded', people.tokens.ofA);
      expect(ran).toBe(1);
    });

    it('is asked before a stream of events begins', async () => {
      let ran = 0;
      @Controller('events')
      class EventsController {
        @Sse()
        @RequireRole('ORG_OWNER', people.orgA)
        events(): Observable<MessageEvent> {
          ran += 1;
          return of({ data: { happened: true } });
        }
      }
      const { url } = await boot(people, { platform, controllers: [EventsController] });
      expectAnswer(await get(url, '/events'), { denied: 'token_missing' });
      expectAnswer(await get(url, '/events', people.tokens.ofB), { denied: 'role_missing' });
      expect(ran).toBe(0);
      // Whether the server ends the stream is its own business: enough has been seen with the first event.
      const stop = new AbortController();
      const response = await fetch(`${url}/events`, {
        headers: { authorization: `Bearer ${people.tokens.ofA}` },
        signal: stop.signal,
      });
      expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
      let seen = '';
      for await (const chunk of response.body ?? []) {
        seen += Buffer.from(chunk as Uint8Array).toString();
        if (seen.includes('happened')) break;
      }
      stop.abort();
      expect(seen).toContain('data: {"happened":true}');
      expect(ran).toBe(1);
    });

    it('is asked for a part of a file as for the whole', async () => {
      @Controller('file')
      class FileController {
        @Get()
        @RequireRole('ORG_OWNER', people.orgA)
        read() {
          return new StreamableFile(Buffer.from('the content of a file'));
        }
      }
      const { url } = await boot(people, { platform, controllers: [FileController] });
      const range = (token?: string) =>
        speak(url, {
          path: '/file',
          headers: [
            ['Range', 'bytes=0-3'],
            ...(token === undefined ? [] : [['Authorization', `Bearer ${token}`] as const]),
          ],
        });
      expectAnswer(await range(), { denied: 'token_missing' });
      expectAnswer(await range(people.tokens.ofB), { denied: 'role_missing' });
      expect((await range(people.tokens.ofA)).text).toContain('the ');
    });

    it('is asked in each version of a route for itself', async () => {
      @Controller('versioned')
      class VersionedController {
        @Get()
        @Version('1')
        @RequireRole('ORG_OWNER', people.orgA)
        first() {
          return {};
        }

        @Get()
        @Version('2')
        @RequireRole('ORG_OWNER', people.orgB)
        second() {
          return {};
        }
      }
      const { url } = await boot(people, {
        platform,
        controllers: [VersionedController],
        prepare: (app) => app.enableVersioning({ type: VersioningType.URI }),
      });
      expect(await whoGetsIn(people, url, '/v1/versioned')).toBe('A');
      expect(await whoGetsIn(people, url, '/v2/versioned')).toBe('B');
      expect(await whoGetsIn(people, url, '/versioned')).toBe('denied');
    });

    it('is asked under a prefix as without one', async () => {
      const { url } = await boot(people, {
        platform,
        controllers: [guardedController(people)],
        prepare: (app) => app.setGlobalPrefix('api'),
      });
      expect(await whoGetsIn(people, url, '/api/guarded')).toBe('A');
      expect(await whoGetsIn(people, url, '/guarded')).toBe('denied');
    });

    it('cannot be answered by what a middleware puts on the request', async () => {
      const { url } = await boot(people, {
        platform,
        controllers: [guardedController(people)],
        prepare: (app) =>
          app.use((request: object, _response: unknown, next: () => void) => {
            Object.assign(request, {
              user: { userId: people.ids.ofA },
              caller: { userId: people.ids.ofA },
              zitadel: { allowed: true },
            });
            next();
          }),
      });
      expect(await whoGetsIn(people, url, '/guarded')).toBe('A');
    });
  },
);
