export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';
export { GET } from '../../failover.js';
