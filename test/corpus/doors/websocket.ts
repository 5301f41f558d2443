import { UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { ZitadelManagerGuard } from 'nestjs-zitadel';
import { io, type Socket } from 'socket.io-client';
import type { CorpusDoor, Heard, Question } from '../door.js';
import { bytesOf } from './http.js';
import { handlersOf, methodOf, startNest } from './nest.js';

/** A connection as a client of socket.io opens it: the token in `auth`, or a whole header where a case writes one. */
function connect(url: string, { credential, values }: Question): Socket {
  const token =
    credential &&
    ('bearer' in credential ? credential.bearer : 'twice' in credential && credential.twice);
  const header =
    credential &&
    ('header' in credential
      ? credential.header
      : 'twice' in credential && `Bearer ${credential.twice}`);
  return io(url, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    ...(typeof token === 'string' && { auth: { token } }),
    extraHeaders: {
      ...Object.fromEntries(
        Object.entries(values.header).map(([name, value]) => [name, bytesOf(value)]),
      ),
      ...(typeof header === 'string' && { authorization: header }),
    },
  });
}

/** A message, and its answer or the exception that came instead. */
function tell(socket: Socket, event: string, payload: unknown): Promise<Heard> {
  return new Promise((resolve, reject) => {
    const refused = ({ errorCode, message }: { errorCode?: unknown; message?: unknown }) =>
      resolve({ code: String(errorCode ?? message) });
    const closed = () => reject(new Error('the connection was closed'));
    socket.once('exception', refused);
    socket.once('connect_error', reject);
    socket.once('disconnect', closed);
    socket.emit(event, payload, (said: { caller?: unknown }) => {
      socket.off('exception', refused);
      socket.off('disconnect', closed);
      socket.off('connect_error', reject);
      resolve({ code: 'allowed', caller: said.caller });
    });
  });
}

export const websocketDoor: CorpusDoor = {
  name: 'WebSocket',
  byName: 'body',
  has: ['body', 'header', 'function', 'class'],
  hasHeader: true,
  async open(wanted) {
    const { type, ran } = handlersOf(
      wanted.routes,
      (_, index) => [SubscribeMessage(methodOf(index))],
      [WebSocketGateway() as ClassDecorator, UseGuards(ZitadelManagerGuard) as ClassDecorator],
    );
    const { url, authorizer, close } = await startNest('express', wanted, { providers: [type] });
    return {
      authorizer,
      ran,
      async ask(question) {
        const socket = connect(url, question);
        try {
          return await tell(socket, methodOf(question.route), question.values.body);
        } finally {
          socket.removeAllListeners();
          socket.disconnect();
        }
      },
      close,
    };
  },
};
