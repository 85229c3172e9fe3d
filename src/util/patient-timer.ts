/** A timer that fires later than this was delayed by the process itself: a blocked loop, a frozen container. */
const LATE_MS = 50;

export interface PatientTimer {
  clear(): void;
}

/**
 * Calls `onTime` after `ms` milliseconds. If the timer is late, it first waits one turn of the event loop, so that an
 * answer that has arrived meanwhile is read, and sets `isLate`.
 */
export function patientTimer(ms: number, onTime: (isLate: boolean) => void): PatientTimer {
  const due = performance.now() + ms;
  let timer = setTimeout(() => {
    if (performance.now() - due <= LATE_MS) return onTime(false);
    timer = setTimeout(onTime, 0, true);
  }, ms);
  return { clear: () => clearTimeout(timer) };
}
