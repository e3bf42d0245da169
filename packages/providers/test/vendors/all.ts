import { asana } from './asana.ts'
import { bitbucket } from './bitbucket.ts'
import { calendly } from './calendly.ts'
import type { VendorCase } from './case.ts'
import { discord } from './discord.ts'
import { facebook } from './facebook.ts'
import { github } from './github.ts'
import { gitlab } from './gitlab.ts'
import { google } from './google.ts'
import { hubspot } from './hubspot.ts'
import { jira } from './jira.ts'
import { linear } from './linear.ts'
import { linkedin } from './linkedin.ts'
import { mailchimp } from './mailchimp.ts'
import { notion } from './notion.ts'
import { reddit } from './reddit.ts'
import { salesforce } from './salesforce.ts'
import { slack } from './slack.ts'
import { spotify } from './spotify.ts'
import { x } from './x.ts'
import { zoom } from './zoom.ts'

/** By the name of the export. */
export const vendors: Readonly<Record<string, VendorCase>> = {
  asana, bitbucket, calendly, discord, facebook, github, gitlab, google, hubspot, jira, linear, linkedin, mailchimp, notion, reddit, salesforce, slack,
  spotify, x, zoom
}
