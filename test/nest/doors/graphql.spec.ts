import { Catch, Inject, Injectable, Logger, Scope, type ExceptionFilter } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import {
  Args,
  ArgsType,
  Field,
  ID,
  InputType,
  Mutation,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
import { GraphQLError } from 'graphql';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  Authenticated,
  CheckedResource,
  CurrentCaller,
  org,
  ProjectGrantService,
  Public,
  RequireRole,
  role,
  ZitadelAuthorizer,
  ZitadelUnavailableError,
  type Caller,
} from '../../../lib/index.js';
import { Notes } from '../../doors/door.js';
import { untilTheEnd } from '../../support/application.js';
import { type RunningGraphql, type Stack, STACKS, startGraphql } from '../../support/graphql.js';
import { useWorld } from '../../support/world.js';

@ObjectType()
class GqlOrg {
  @Field(() => ID)
  readonly id!: string;
  @Field(() => String, { nullable: true })
  readonly secret?: string;
  @Field(() => String, { nullable: true })
  readonly budget?: string;
}

@InputType()
class GqlOrgInput {
  @Field(() => ID)
  readonly id!: string;
}

@ArgsType()
class GqlOrgArgs {
  @Field(() => ID, { name: 'id' })
  readonly orgId!: string;
}

const said = (caller: Caller, orgId: string) => `${caller.userId} at ${orgId}`;

@Resolver(() => GqlOrg)
class OrgsResolver {
  constructor(
    @Inject(ZitadelAuthorizer) private readonly authorizer: ZitadelAuthorizer,
    @Inject(ProjectGrantService) private readonly grants: ProjectGrantService,
  ) {}

  @Query(() => String, { nullable: true })
  @RequireRole('ORG_OWNER', org.arg('orgId'))
  org(
    @Args('orgId') _asked: string,
    @CheckedResource('org') orgId: string,
    @CurrentCaller() caller: Caller,
  ): string {
    return said(caller, orgId);
  }

  @Query(() => String, { nullable: true })
  @RequireRole('ORG_OWNER', org.from(({ args }) => (args as { input: GqlOrgInput }).input.id))
  orgOfInput(
    @Args('input') _input: GqlOrgInput,
    @CheckedResource('org') orgId: string,
    @CurrentCaller() caller: Caller,
  ): string {
    return said(caller, orgId);
  }

  @Query(() => String, { nullable: true })
  @RequireRole('ORG_OWNER', org.arg('orgId'))
  orgOfArgs(
    @Args() _args: GqlOrgArgs,
    @CheckedResource('org') orgId: string,
    @CurrentCaller() caller: Caller,
  ): string {
    return said(caller, orgId);
  }

  @Mutation(() => String, { nullable: true })
  @RequireRole('ORG_OWNER', org.arg('orgId'))
  renameOrg(
    @Args('orgId') _asked: string,
    @CheckedResource('org') orgId: string,
    @CurrentCaller() caller: Caller,
  ): string {
    return said(caller, orgId);
  }

  @Query(() => GqlOrg, { nullable: true })
  @Authenticated()
  anyOrg(@Args('orgId') orgId: string): GqlOrg {
    return { id: orgId };
  }

  @Query(() => [GqlOrg])
  @Public()
  orgs(@Args('ids', { type: () => [String] }) ids: string[]): GqlOrg[] {
    return ids.map((id) => ({ id }));
  }

  @ResolveField(() => String, { nullable: true })
  @RequireRole('ORG_OWNER', org.arg('of'))
  secret(
    @Args('of') _of: string,
    @CheckedResource('org') orgId: string,
    @CurrentCaller() caller: Caller,
  ): string {
    return said(caller, orgId);
  }

  @ResolveField(() => String, { nullable: true })
  @RequireRole('ORG_OWNER', org.from(({ parent }) => (parent as GqlOrg).id))
  budget(@Parent() parent: GqlOrg, @CheckedResource('org') orgId: string): string {
    return `${parent.id} ${orgId}`;
  }

  @Query(() => String, { nullable: true })
  @Authenticated()
  async asserts(@Args('orgId') orgId: string, @CurrentCaller() caller: Caller): Promise<string> {
    await this.authorizer.assert(caller, role('ORG_OWNER', org(orgId)));
    return 'yes';
  }

  @Query(() => String, { nullable: true })
  @Public()
  breaks(): string {
    throw new ZitadelUnavailableError('the list of secrets', 'secret.example refused the key');
  }

  @Query(() => String, { nullable: true })
  @Public()
  async grantsTo(): Promise<string> {
    await this.grants.get({ projectId: '../no id', grantId: '1' });
    return 'never';
  }

  @Query(() => String, { nullable: true })
  @Authenticated({ optional: true })
  whoever(@CurrentCaller() caller: Caller | undefined): string {
    return caller?.userId ?? 'nobody';
  }

  @Query(() => String, { nullable: true })
  undeclared(): string {
    return 'ran';
  }
}

@Injectable({ scope: Scope.REQUEST })
@Resolver()
class PerRequestResolver {
  static made = 0;
  constructor() {
    PerRequestResolver.made += 1;
  }

  @Query(() => String, { nullable: true })
  @RequireRole('ORG_OWNER', org.arg('orgId'))
  orgPerRequest(
    @Args('orgId') _asked: string,
    @CheckedResource('org') orgId: string,
    @CurrentCaller() caller: Caller,
  ): string {
    return said(caller, orgId);
  }
}

const RESOLVERS = [OrgsResolver, PerRequestResolver];
const world = useWorld();

const refused = (code: string, errorCode: string) => [{ extensions: { code, errorCode } }];

describe.each(Object.keys(STACKS) as Stack[])('GraphQL by %s', (stack) => {
  let app: RunningGraphql;
  const notes = new Notes();
  beforeAll(async () => {
    const options = world.zitadel.options({ logger: notes.logger });
    app = await startGraphql(stack, options, RESOLVERS);
  });
  afterAll(() => app.close());
  beforeEach(() => void notes.lines.splice(0));

  it.each([
    ['a query', (id: string) => `{ org(orgId: "${id}") }`],
    ['a mutation', (id: string) => `mutation { org: renameOrg(orgId: "${id}") }`],
    ['an input object', (id: string) => `{ org: orgOfInput(input: { id: "${id}" }) }`],
    ['an argument of another name', (id: string) => `{ org: orgOfArgs(id: "${id}") }`],
    ['a resolver made for each request', (id: string) => `{ org: orgPerRequest(orgId: "${id}") }`],
  ])('asks for a role on what the arguments name: %s', async (_, query) => {
    const { acme, globex, tokens, ids } = world;
    expect(await app.ask(tokens['owner of acme'], query(acme))).toEqual({
      data: { org: said({ userId: ids['owner of acme'] } as Caller, acme) },
    });
    for (const [token, id, code, errorCode] of [
      [tokens['owner of acme'], globex, 'FORBIDDEN', 'role_missing'],
      [undefined, acme, 'UNAUTHENTICATED', 'token_missing'],
      ['no.token.atall', acme, 'UNAUTHENTICATED', 'token_invalid'],
      [tokens['owner of acme'], '../x', 'BAD_USER_INPUT', 'resource_invalid'],
    ] as const) {
      expect(await app.ask(token, query(id))).toMatchObject({
        data: { org: null },
        errors: refused(code, errorCode),
      });
    }
  });

  it('makes that resolver for each request', async () => {
    const { acme, tokens } = world;
    const made = PerRequestResolver.made;
    await app.ask(tokens['owner of acme'], `{ orgPerRequest(orgId: "${acme}") }`);
    await app.ask(tokens['owner of acme'], `{ orgPerRequest(orgId: "${acme}") }`);
    expect(PerRequestResolver.made).toBe(made + 2);
  });

  it('tells an outage as such, and never that something is wrong inside', async () => {
    world.zitadel.fail('memberships', { status: 503 });
    const fresh = world.zitadel.tokenFor({ id: world.ids['owner of acme'] });
    const answer = await app.ask(fresh, `{ org(orgId: "${world.acme}") }`);
    world.zitadel.heal();
    expect(answer.errors).toMatchObject(refused('SERVICE_UNAVAILABLE', 'unavailable'));
    expect(JSON.stringify(answer)).not.toMatch(/internal server error/i);
  });

  it('runs nothing that declares nothing', async () => {
    const answer = await app.ask(world.tokens['instance owner'], '{ undeclared }');
    expect(answer).toMatchObject({
      data: { undeclared: null },
      errors: refused('FORBIDDEN', 'not_declared'),
    });
  });

  it('guards each field of its own, by its arguments or by its parent', async () => {
    const { acme, globex, tokens, ids } = world;
    const query = `{ orgs(ids: ["${acme}", "${globex}"]) { id budget secret(of: "${acme}") } }`;
    const owner = await app.ask(tokens['owner of acme'], query);
    const secret = said({ userId: ids['owner of acme'] } as Caller, acme);
    expect(owner.data).toEqual({
      orgs: [
        { id: acme, budget: `${acme} ${acme}`, secret },
        { id: globex, budget: null, secret },
      ],
    });
    expect(owner.errors).toMatchObject([
      { path: ['orgs', 1, 'budget'], extensions: { errorCode: 'role_missing' } },
    ]);
  });

  it('decides a thousand aliases of one field apart', async () => {
    const { acme, globex, tokens, ids } = world;
    const asked = Array.from({ length: 1_000 }, (_, i) => [acme, globex][i % 2] ?? acme);
    const query = `{ ${asked.map((id, i) => `a${i}: org(orgId: "${id}")`).join(' ')} }`;
    const everywhere = await app.ask(tokens['instance owner'], query);
    const caller = { userId: ids['instance owner'] } as Caller;
    expect(everywhere.data).toEqual(
      Object.fromEntries(asked.map((id, i) => [`a${i}`, said(caller, id)])),
    );
    const half = await app.ask(tokens['owner of acme'], query);
    const own = said({ userId: ids['owner of acme'] } as Caller, acme);
    expect(half.data).toEqual(
      Object.fromEntries(asked.map((id, i) => [`a${i}`, id === acme ? own : null])),
    );
    expect(half.errors).toHaveLength(500);
  });

  it('decides the operations of a batch apart', async () => {
    const { acme, globex, tokens, ids } = world;
    const answers = await app.askAll(
      tokens['owner of acme'],
      [acme, globex, acme].map((id) => `{ org(orgId: "${id}") }`),
    );
    const own = said({ userId: ids['owner of acme'] } as Caller, acme);
    expect(answers.map(({ data }) => data?.['org'])).toEqual([own, null, own]);
  });

  it('answers what the application throws for us with its code, and nothing else of it', async () => {
    const { acme, globex, tokens } = world;
    const ask = (query: string) => app.ask(tokens['owner of acme'], query);
    expect(await ask(`{ asserts(orgId: "${acme}") }`)).toEqual({ data: { asserts: 'yes' } });
    expect(await ask(`{ asserts(orgId: "${globex}") }`)).toMatchObject({
      errors: refused('FORBIDDEN', 'role_missing'),
    });
    const broken = await ask('{ breaks }');
    expect(broken).toMatchObject({ errors: refused('SERVICE_UNAVAILABLE', 'unavailable') });
    expect(JSON.stringify(broken)).not.toMatch(/secret/);
    expect(notes.log).toContain('zitadel_unavailable');
    expect(await ask('{ grantsTo }')).toMatchObject({
      errors: refused('BAD_USER_INPUT', 'argument_invalid'),
    });
  });

  it('does not let Nest log a refusal once more, with a stack', async () => {
    const faults = vi.spyOn(Logger.prototype, 'error');
    const { acme, tokens } = world;
    await app.ask(tokens.nobody, `{ org(orgId: "${acme}") orgs(ids: ["${acme}"]) { budget } }`);
    await app.ask(undefined, '{ undeclared }');
    expect(faults).not.toHaveBeenCalled();
    faults.mockRestore();
    expect(notes.log).toContain('role_missing');
  });

  it('lets in without a caller where the caller is optional', async () => {
    const { tokens, ids } = world;
    expect(await app.ask(undefined, '{ whoever }')).toEqual({ data: { whoever: 'nobody' } });
    expect(await app.ask(tokens.nobody, '{ whoever }')).toEqual({
      data: { whoever: ids.nobody },
    });
    expect(await app.ask(undefined, '{ a: whoever b: whoever }')).toEqual({
      data: { a: 'nobody', b: 'nobody' },
    });
  });

  it('leaves the exceptions to filters and to formatError of the application', async () => {
    @Catch(GraphQLError)
    class Renames implements ExceptionFilter<GraphQLError> {
      catch(error: GraphQLError): never {
        throw new GraphQLError('mine', { extensions: { was: error.extensions['errorCode'] } });
      }
    }
    const own = untilTheEnd(
      await startGraphql(stack, world.zitadel.options({ logger: notes.logger }), RESOLVERS, {
        providers: [{ provide: APP_FILTER, useClass: Renames }],
      }),
    );
    expect(await own.ask(undefined, `{ org(orgId: "${world.acme}") }`)).toMatchObject({
      errors: [{ message: 'mine', extensions: { was: 'token_missing' } }],
    });
  });
});
