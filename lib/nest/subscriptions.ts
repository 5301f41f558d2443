import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { reviewSubscriptions, type Schema } from './doors/graphql-subscriptions.js';

/** Puts the subscriptions of GraphQL under review, as soon as every GraphQLModule has made its schema. */
@Injectable()
export class Subscriptions implements OnApplicationBootstrap {
  constructor(@Inject(ModulesContainer) private readonly modules: ModulesContainer) {}

  onApplicationBootstrap(): void {
    for (const { providers } of this.modules.values()) {
      for (const { name, instance } of providers.values()) {
        if (name !== 'GraphQLSchemaHost') continue;
        reviewSubscriptions((instance as { readonly schema: Schema }).schema);
      }
    }
  }
}
