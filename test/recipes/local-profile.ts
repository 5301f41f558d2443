import { Body, Controller, Get, Injectable, Put } from '@nestjs/common';
import { Authenticated, type Caller, CurrentCaller } from 'nestjs-zitadel';

export interface Profile {
  readonly userId: string;
  readonly theme: 'light' | 'dark';
}

/** In place of a table whose primary key is the user id. */
@Injectable()
export class Profiles {
  readonly #rows = new Map<string, Profile>();

  /** As INSERT ... ON CONFLICT DO NOTHING does it: two first requests at once make one row. */
  of({ userId }: Caller): Profile {
    const row = this.#rows.get(userId) ?? { userId, theme: 'light' };
    this.#rows.set(userId, row);
    return row;
  }

  save(profile: Profile): Profile {
    this.#rows.set(profile.userId, profile);
    return profile;
  }
}

@Controller('me/profile')
@Authenticated()
export class ProfileController {
  constructor(private readonly profiles: Profiles) {}

  @Get()
  read(@CurrentCaller() caller: Caller) {
    return this.profiles.of(caller);
  }

  @Put()
  save(@CurrentCaller() caller: Caller, @Body() body: { readonly theme?: unknown }) {
    const theme = body.theme === 'dark' ? 'dark' : 'light';
    return this.profiles.save({ ...this.profiles.of(caller), theme });
  }
}
