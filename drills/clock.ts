// The virtual time of the drills is that of `simulate`.
export { inVirtualTime, type VirtualClock } from 'model-router/simulate';
