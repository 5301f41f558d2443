import { describe, expect, it } from 'vitest';
import { has, jsonFrom, own, withoutInheritance } from '../../lib/core/own-properties.js';

describe('an own property', () => {
  it('is told from one that is inherited', () => {
    const inheriting = Object.create({ role: 'IAM_OWNER' }) as { role: string };
    expect(has(inheriting, 'role')).toBe(false);
    expect(own(inheriting, 'role')).toBeUndefined();
    expect(own({ role: 'IAM_OWNER' }, 'role')).toBe('IAM_OWNER');
    expect(own({}, 'toString')).toBeUndefined();
    for (const nothing of [undefined, null, 'text', 7]) {
      expect(own(nothing, 'length')).toBeUndefined();
    }
  });
});

describe('JSON', () => {
  it('becomes objects that inherit nothing, at every depth', () => {
    const value = jsonFrom('{"a":{"b":[{"c":null},[{}]]}}') as Record<string, unknown>;
    const open: object[] = [value];
    let objects = 0;
    for (let next = open.pop(); next; next = open.pop()) {
      if (!Array.isArray(next)) {
        expect(Object.getPrototypeOf(next)).toBeNull();
        objects += 1;
      }
      for (const inner of Object.values(next) as unknown[]) {
        if (typeof inner === 'object' && inner !== null) open.push(inner);
      }
    }
    expect(objects).toBe(4);
    expect(value).toEqual({ a: { b: [{ c: null }, [{}]] } });
  });

  it('keeps a member that is called __proto__ as data', () => {
    const value = jsonFrom('{"__proto__":{"admin":true}}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(value['admin']).toBeUndefined();
  });

  it.each(['1', '"text"', 'null', '[]', '[1,"a"]'])('may be %s', (text) => {
    expect(jsonFrom(text)).toEqual(JSON.parse(text));
  });
});

describe('a copy without inheritance', () => {
  it('has what an object says itself, also undefined', () => {
    const copy = withoutInheritance({ a: 1, b: undefined });
    expect(Object.getPrototypeOf(copy)).toBeNull();
    expect(Object.entries(copy)).toEqual([
      ['a', 1],
      ['b', undefined],
    ]);
  });

  it('has what a class says as accessors and methods, its base classes too, without listing them', () => {
    class Base {
      get issuer() {
        return 'https://acme.example';
      }
      token() {
        return 'of the base';
      }
    }
    class Options extends Base {
      audience = 'portal';
      override token() {
        return `of ${this.audience}`;
      }
    }
    const copy = withoutInheritance(new Options());
    expect(copy.issuer).toBe('https://acme.example');
    expect(copy.token()).toBe('of portal');
    expect(Object.keys(copy)).toEqual(['audience']);
    expect(Object.hasOwn(copy, 'constructor')).toBe(false);
  });
});
