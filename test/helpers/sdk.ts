import { VERSION } from 'openai/version';

/** The major version of the SDK that the tests run on. */
export const SDK = Number(VERSION.split('.')[0]);
