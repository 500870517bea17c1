"""Pure: act types, life cycle, guards, agencies, instruments, clocks; dated data under data/."""
