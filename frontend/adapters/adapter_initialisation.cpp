#include "frontend/adapters/adapter_initialisation.h"

#include <cmath>
#include <new>
#include <stdexcept>

#include "frontend/adapters/counter_random.h"

namespace lorikeet {
namespace {

void fill_uniform(std::span<float> values, const CounterRandom& random, double bound) {
  for (size_t i = 0; i < values.size(); ++i) values[i] = random.uniform(i, float(bound));
}

void fill_normal(std::span<float> values, const CounterRandom& random, double deviation) {
  for (size_t i = 0; i < values.size(); ++i) values[i] = random.normal(i, deviation);
}

void fill(std::span<float> values, const AdapterSlot& slot, const AdapterConfig& config, uint64_t seed) {
  const CounterRandom random(seed, slot.name);
  const double in = double(slot.shape[1]), range = config.training.init_range;
  if (slot.part == AdapterSlot::Part::b) return;
  if (slot.part == AdapterSlot::Part::router)
    return config.is_mixlora() ? fill_normal(values, random, range)
                               : fill_uniform(values, random, std::sqrt(6 / ((1 + range) * in)));
  const double rank = double(slot.shape[0]);
  return config.gaussian_init ? fill_normal(values, random, 1 / rank) : fill_uniform(values, random, 1 / std::sqrt(in));
}

}  // namespace

Result<AdapterTensors> initial_adapter_tensors(const AdapterConfig& config, const AdapterBase& base, uint64_t seed) {
  LK_ASSIGN(AdapterTensors tensors, adapter_layout(config, base));
  const auto too_large = [&] {
    return Error{
        ErrorCode::out_of_memory, "[adapter] an adapter of this rank and so many experts does not fit in memory.", {}};
  };
  try {
    allocate_values(tensors);
  } catch (const std::bad_alloc&) {
    return too_large();
  } catch (const std::length_error&) {
    return too_large();
  }
  for (const AdapterSlot& slot : adapter_slots(tensors, config.kind))
    fill(values_of(tensors, slot), slot, config, seed);
  return tensors;
}

}  // namespace lorikeet
