export const runtime = 'edge';
export const dynamic = 'force-dynamic';
export { GET } from '../../failover.js';
