import fc from 'fast-check';

/**
 * fast-check with the same histories on every run, so a failure repeats. `npm run fuzz` tries others, with a different
 * seed in each round.
 */
fc.configureGlobal({ seed: Number(process.env.PROPERTY_SEED ?? 1) });

export { default } from 'fast-check';
