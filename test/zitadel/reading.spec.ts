import { describe, expect, it } from 'vitest';
import { errorIdOf } from '../../lib/zitadel/reply.js';

const rest = (details: unknown, message = 'Project not found') => ({ code: 5, message, details });

describe('the id of an error', () => {
  it('is read from the details of a REST answer', () => {
    const detail = { '@type': 'type.googleapis.com/zitadel.v1.ErrorDetail', id: 'QUERY-fk2fs' };
    expect(errorIdOf(rest([detail]))).toBe('QUERY-fk2fs');
    expect(errorIdOf(rest([{ '@type': 'something else' }, detail]))).toBe('QUERY-fk2fs');
  });

  it('is read from the debug part of a connect answer', () => {
    const detail = {
      type: 'zitadel.v1.ErrorDetail',
      value: 'CgtBVVRIWi1jZGdGaxIUbWVtYmVyc2hpcCBub3QgZm91bmQ',
      debug: { id: 'AUTHZ-cdgFk', message: 'membership not found' },
    };
    expect(errorIdOf({ code: 'not_found', message: 'x', details: [detail] })).toBe('AUTHZ-cdgFk');
  });

  it('is read from the end of the message where the details do not say it', () => {
    const message = 'membership not found (AUTHZ-cdgFk)';
    expect(errorIdOf({ code: 'not_found', message })).toBe('AUTHZ-cdgFk');
    const details = [{ type: 'zitadel.v1.ErrorDetail', value: 'CgtB' }];
    expect(errorIdOf({ code: 'not_found', message, details })).toBe('AUTHZ-cdgFk');
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'AUTHZ-cdgFk'],
    ['a list', [{ id: 'AUTHZ-cdgFk' }]],
    ['details that are no list', rest({ id: 'AUTHZ-cdgFk' })],
    ['an id that is no text', rest([{ id: 1 }])],
    ['an id with something else in it', rest([{ id: 'AUTHZ-cdgFk; x' }])],
    ['a debug part that is no object', rest([{ debug: 'AUTHZ-cdgFk' }])],
    ['an id within the message', rest(undefined, 'no (AUTHZ-cdgFk) here')],
    ['an instance that is not there', rest(undefined, 'unable to set instance: ID=QUERY-1kIjX')],
    ['a message that is no text', { message: ['(AUTHZ-cdgFk)'] }],
  ])('is not read from %s', (_what, body) => {
    expect(errorIdOf(body)).toBeUndefined();
  });
});
