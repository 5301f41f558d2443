/** Something that happened at ZITADEL: of a delivery or of the Event API. Of its payload only ids are kept. */
export interface ZitadelEvent {
  /** For example `org.member.removed`. */
  readonly type: string;
  /** Not told by the Event API. */
  readonly instanceId: string | undefined;
  readonly aggregateType: string;
  readonly aggregateId: string;
  /** The organization, or for instance members the instance, to which the aggregate belongs. */
  readonly resourceOwner: string;
  /** Grows within one aggregate, and says nothing beyond it. */
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** The user that it is about, not the one who did it. */
  readonly userId: string | undefined;
  /** The project grant that it is about, and the organization to which it was given. */
  readonly grantId: string | undefined;
  readonly grantedOrgId: string | undefined;
  /** The token that it is about. */
  readonly tokenId: string | undefined;
}
