// What Nest's container knows of a class: what it injects, and what an instance really is.
import type { Type } from '@nestjs/common';
import { own } from '../core/own-properties.js';
import type { Wrapper } from './handlers.js';

/** Where Nest notes what it injects: the types of a constructor's parameters, what `@Inject` says of them, and of properties. */
const INJECTED = ['design:paramtypes', 'self:paramtypes', 'self:properties_metadata'];

/** What Nest injects into a class. */
export function injectedInto(type: object): readonly unknown[] {
  return INJECTED.flatMap((key): readonly unknown[] => {
    const noted: unknown = Reflect.getMetadata(key, type);
    return Array.isArray(noted) ? noted : [];
  }).map((each) => own(each, 'param') ?? own(each, 'type') ?? each);
}

/** Whether a constructor returned an instance of another class. */
export const isForeign = ({ metatype, instance }: Wrapper): boolean =>
  Object.getPrototypeOf(Object(instance)) !== (metatype as Type).prototype;

export const foreign = ({ metatype }: Wrapper): string =>
  `${(metatype as Type).name} hands out an instance of another class, and what Nest calls there is not known: return nothing from its constructor`;

/** The classes of a provider. Those of factories and values are the classes of what they made. */
export function typesOf({ metatype, instance }: Wrapper): readonly Type[] {
  const made: unknown = Object(instance as unknown).constructor;
  return [...new Set([metatype, made])].filter(
    (type): type is Type => typeof type === 'function' && typeof type.prototype === 'object',
  );
}
