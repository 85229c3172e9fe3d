import { memoryFleetStore } from 'model-router/redis';
import { fleetStoreContract } from 'model-router/testing';
import { describe, it } from 'vitest';

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

fleetStoreContract({ describe, it }, 'memoryFleetStore', memoryFleetStore, wait);
