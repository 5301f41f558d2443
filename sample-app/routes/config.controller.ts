import { Controller, Get, Inject } from '@nestjs/common';
import { Public } from 'nestjs-zitadel';
import { INSTANCE, type Instance } from '../instance.js';

const ZITADEL_SCOPE = 'urn:zitadel:iam:org:project:id:zitadel:aud';

/** What the page needs to know before anybody has signed in. Nothing here is a secret. */
@Controller('api/config')
export class ConfigController {
  constructor(@Inject(INSTANCE) private readonly instance: Instance) {}

  @Get()
  @Public()
  read() {
    const { issuer, projectId, demo } = this.instance;
    return {
      issuer,
      clientId: this.instance.clientId(),
      // Without ZITADEL's own audience a token cannot read its user's memberships; without the project's it is not for this app.
      scope: `openid profile ${ZITADEL_SCOPE} urn:zitadel:iam:org:project:id:${projectId}:aud`,
      ...(demo && { people: demo.people, resources: demo.resources(), outage: demo.outage }),
    };
  }
}
