// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): random bits as a pure function of
// a key and a counter.
#ifndef LORIKEET_COMMON_PHILOX_GLSL
#define LORIKEET_COMMON_PHILOX_GLSL
uvec4 philox(uvec4 counter, uvec2 key) {
  for (uint round = 0u; round < 10u; ++round) {
    uint high0, low0, high1, low1;
    umulExtended(0xD2511F53u, counter.x, high0, low0);
    umulExtended(0xCD9E8D57u, counter.z, high1, low1);
    counter = uvec4(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
    key += uvec2(0x9E3779B9u, 0xBB67AE85u);
  }
  return counter;
}

// In [0, 1), a multiple of 2^-24: the n-th random number of a seed.
float random_unit(uvec2 seed, uint n) { return float(philox(uvec4(n, 0u, 0u, 0u), seed).x >> 8) * (1.0 / 16777216.0); }
#endif
