// Lanes that share an output: SLICES lanes deal out the terms of its sum among themselves and add up through shared memory. GPUs
// need it where there are few outputs. One slice costs nothing.
//
// The file that includes it owns SLICE_SUMS sums a lane, SLICE_SUM(i) is one of them; workgroups are (LANES SLICES, 1, 1). All
// lanes of a workgroup must call add_slices(); then slice 0 has the sums.
layout(local_size_x_id = 0) in;
layout(constant_id = 8) const uint SLICES = 1u;  // a power of two
const uint LANES = gl_WorkGroupSize.x / SLICES;
const uint SLICE_PARTS = SLICES > 1u ? gl_WorkGroupSize.x / 2u : 0u;
shared float slice_parts[SLICES > 1u ? SLICE_PARTS * SLICE_SUMS : 1u];

// Neighbouring lanes have neighbouring outputs...
uint lane_of_outputs() { return SLICES > 1u ? gl_LocalInvocationIndex % LANES : gl_LocalInvocationIndex; }
uint slice_of_outputs() { return SLICES > 1u ? gl_LocalInvocationIndex / LANES : 0u; }
// ... or neighbouring terms of one output: whichever lie side by side in memory.
uint lane_of_terms() { return SLICES > 1u ? gl_LocalInvocationIndex / SLICES : gl_LocalInvocationIndex; }
uint slice_of_terms() { return SLICES > 1u ? gl_LocalInvocationIndex % SLICES : 0u; }

void add_slices(uint lane, uint slice) {
  for (uint half_of = SLICES / 2u; half_of > 0u; half_of /= 2u) {
    const uint at = (slice & (half_of - 1u)) * LANES + lane;
    if (slice >= half_of && slice < 2u * half_of) {
      [[unroll]] for (uint i = 0u; i < SLICE_SUMS; ++i) slice_parts[i * SLICE_PARTS + at] = SLICE_SUM(i);
    }
    barrier();
    if (slice < half_of) {
      [[unroll]] for (uint i = 0u; i < SLICE_SUMS; ++i) SLICE_SUM(i) += slice_parts[i * SLICE_PARTS + at];
    }
    barrier();
  }
}
