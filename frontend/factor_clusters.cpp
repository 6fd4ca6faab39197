#include "frontend/factor_clusters.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "frontend/dataset/batch.h"
#include "frontend/dataset/random.h"
#include "frontend/training/trainer.h"
#include "runtime/base/text.h"
#include "runtime/plan/plan.h"
#include "runtime/plan/upload.h"

namespace lorikeet {
namespace {

constexpr int kRounds = 15;
constexpr size_t kFewestTokens = 64;

float dot(const float* a, const float* b, size_t columns) {
  float parts[8] = {};
  size_t c = 0;
  for (; c + 8 <= columns; c += 8)
    for (size_t i = 0; i < 8; ++i) parts[i] += a[c + i] * b[c + i];
  for (; c < columns; ++c) parts[0] += a[c] * b[c];
  return std::accumulate(parts, parts + 8, 0.0f);
}

void normalise(std::span<float> vector) {
  const float length = std::sqrt(dot(vector.data(), vector.data(), vector.size()));
  for (float& value : vector) value = length > 0 ? value / length : 0;
}

// First centres: items drawn one after the other, those more likely that are less like all before (k-means++).
std::vector<uint32_t> draw_centres(std::span<const float> features, size_t items, size_t count, uint64_t seed) {
  const size_t columns = features.size() / items;
  std::vector<double> far(items, 1);  // 1 - the largest likeness to a centre
  std::vector<uint32_t> centres;
  while (centres.size() < count) {
    double left =
        std::accumulate(far.begin(), far.end(), 0.0) * double(random_bits(seed, 0, centres.size()) >> 11) * 0x1p-53;
    size_t drawn = 0;
    while (drawn + 1 < items && left >= far[drawn]) left -= far[drawn++];
    centres.push_back(uint32_t(drawn));
    for (size_t item = 0; item < items; ++item)
      far[item] = std::min(
          far[item], std::max(0.0, 1.0 - double(dot(&features[item * columns], &features[drawn * columns], columns))));
  }
  return centres;
}

// likeness (items, count) -> the cluster of each item.
std::vector<uint32_t> assign(const std::vector<float>& likeness, size_t items, size_t count) {
  const auto of = [&](size_t item) { return std::span(likeness).subspan(item * count, count); };
  std::vector<float> clarity(items, 0);
  for (size_t item = 0; item < items && count > 1; ++item) {
    std::vector<float> sorted(of(item).begin(), of(item).end());
    std::partial_sort(sorted.begin(), sorted.begin() + 2, sorted.end(), std::greater<>());
    clarity[item] = sorted[0] - sorted[1];
  }
  std::vector<uint32_t> order(items), cluster(items);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return clarity[a] > clarity[b]; });
  std::vector<size_t> room(count, items / count);
  for (const uint32_t item : order) {
    size_t best = count;
    for (size_t c = 0; c < count; ++c)
      if (room[c] > 0 && (best == count || of(item)[c] > of(item)[best])) best = c;
    cluster[item] = uint32_t(best);
    --room[best];
  }
  return cluster;
}

Batch batch_of(const Example& example) {
  Batch batch;
  const size_t rows = example.tokens.size();
  batch.tokens = example.tokens;
  for (size_t i = 0; i < rows; ++i) batch.positions.push_back(int32_t(i));
  batch.labels.assign(rows, kNoLabel);
  batch.weights.assign(rows, 0.0f);
  batch.attended.assign(rows, 1);
  batch.sequences.push_back({.rows = int64_t(rows), .length = int64_t(rows)});
  return batch;
}

}  // namespace

std::vector<uint32_t> balanced_clusters(std::span<float> features, size_t items, size_t count, uint64_t seed) {
  const size_t columns = features.size() / items;
  const auto feature = [&](size_t item) { return features.subspan(item * columns, columns); };
  for (size_t item = 0; item < items; ++item) normalise(feature(item));
  std::vector<float> centres, likeness(items * count);
  for (const uint32_t item : draw_centres(features, items, count, seed))
    centres.insert(centres.end(), feature(item).begin(), feature(item).end());
  std::vector<uint32_t> cluster;
  for (int round = 0; round < kRounds; ++round) {
    for (size_t item = 0; item < items; ++item)
      for (size_t c = 0; c < count; ++c)
        likeness[item * count + c] = dot(feature(item).data(), &centres[c * columns], columns);
    std::vector<uint32_t> next = assign(likeness, items, count);
    if (next == cluster) break;
    cluster = std::move(next);
    std::fill(centres.begin(), centres.end(), 0.0f);
    for (size_t item = 0; item < items; ++item)
      for (size_t i = 0; i < columns; ++i) centres[cluster[item] * columns + i] += feature(item)[i];
    for (size_t c = 0; c < count; ++c) normalise(std::span(centres).subspan(c * columns, columns));
  }
  std::vector<uint32_t> order(items);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return cluster[a] < cluster[b]; });
  return order;
}

Result<std::vector<uint32_t>> clustered_order(Model& model, const Dataset& text, const ClusterOptions& options) {
  const DecoderConfig& config = model.config();
  const size_t neurons = config.intermediate;
  std::vector<std::vector<float>> sizes(config.layers);  // (tokens, neurons) each
  size_t tokens = 0;
  {
    LK_ASSIGN(Trainer trainer, Trainer::create(model, {.recipe = {.keep_neurons = true}}));
    for (size_t i = 0; i < text.size() && tokens < options.tokens; ++i) {
      const Batch batch = batch_of(text[i]);
      LK_TRY(trainer.evaluate(batch));
      const size_t rows = size_t(batch.rows());
      for (uint32_t layer = 0; layer < config.layers; ++layer) {
        LK_ASSIGN(const std::vector<float> values, trainer.kept(batch, join("neurons.", layer)));
        for (size_t v = 0; v < rows * neurons; ++v) sizes[layer].push_back(std::abs(values[v]));
      }
      tokens += rows;
    }
  }
  if (tokens < kFewestTokens)
    return invalid(join("[factor] the text has ", tokens, " tokens; to see which neurons fire together at least ",
                        kFewestTokens, " were expected."));
  std::vector<uint32_t> order;
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    std::vector<float> features(neurons * tokens);
    for (size_t t = 0; t < tokens; ++t) {
      const float* row = &sizes[layer][t * neurons];
      const float mean = std::accumulate(row, row + neurons, 0.0f) / float(neurons);
      for (size_t n = 0; n < neurons; ++n) features[n * tokens + t] = row[n] - mean;
    }
    std::vector<float>().swap(sizes[layer]);
    const auto own = balanced_clusters(features, neurons, options.experts, options.seed + layer);
    order.insert(order.end(), own.begin(), own.end());
    if (options.progress && !options.progress(layer + 1, config.layers))
      return Error{ErrorCode::cancelled, "[factor] stopped; nothing was written.", {}};
  }
  return order;
}

}  // namespace lorikeet
