#include "frontend/convert.h"

#include <algorithm>
#include <map>
#include <set>
#include <system_error>

#include "frontend/checkpoint/quant/quant.h"
#include "frontend/convert_plan.h"
#include "frontend/families/resolve.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

// The layer's weight that a tensor of the source is, if something is merged into it.
struct MergedWeight {
  uint32_t layer = 0;
  WeightRole role = WeightRole::q;
};
using MergedWeights = std::map<const TensorInfo*, MergedWeight>;

Result<MergedWeights> merged_weights(const Checkpoint& source, const DecoderConfig& config, const LoraMerge& merge) {
  MergedWeights merged;
  for (const WeightName& name : config.family->weights) {
    for (uint32_t layer = 0; is_layer_weight(name.role) && layer < config.layers; ++layer) {
      if (!merge.touches(layer, name.role)) continue;
      LK_ASSIGN(const WeightRef weight, resolve(source, config, layer, name.role));
      merged[weight.tensor] = {layer, name.role};
    }
  }
  return merged;
}

constexpr uint64_t kChunkElements = uint64_t(1) << 22;  // what is in memory as f32 at once

// Writes one tensor after the other, some rows at a time.
class Conversion {
 public:
  struct Task {
    const Checkpoint& source;
    const DecoderConfig& config;
    const ConvertOptions& options;
    const MergedWeights& merged;
    uint64_t total = 0;  // bytes
  };
  Conversion(const Task& task, GgufWriter writer)
      : source_(task.source),
        options_(task.options),
        config_(task.config),
        merged_(task.merged),
        writer_(std::move(writer)),
        total_(task.total) {}

  Status write(const PlannedTensor& tensor) {
    if (tensor.sources.empty()) return put(std::as_bytes(std::span(tensor.values)));
    for (const TensorInfo* source : tensor.sources) LK_TRY(write(tensor, *source));
    return Done{};
  }

  Status finish() { return writer_.finish(); }

 private:
  Status write(const PlannedTensor& tensor, const TensorInfo& source) {
    LK_ASSIGN(const Bytes bytes, source_.data(source));
    const bool as_it_is = source.type == tensor.type && in_file_order(tensor) && !merged_.contains(&source);
    LK_TRY(tensor.column_slices ? write_slices(tensor, source, bytes)
           : as_it_is           ? copy(bytes)
                                : write_rows(tensor, source, bytes));
    source_.release(source);
    return Done{};
  }

  Status put(Bytes bytes) {
    LK_TRY(writer_.write(bytes));
    done_ += bytes.size();
    if (options_.progress && !options_.progress(done_, total_))
      return Error{ErrorCode::cancelled, "[convert] the conversion was cancelled.", {}};
    return Done{};
  }

  Status copy(Bytes bytes) {
    constexpr size_t kPiece = size_t(16) << 20;
    for (size_t at = 0; at < bytes.size(); at += kPiece)
      LK_TRY(put(bytes.subspan(at, std::min(kPiece, bytes.size() - at))));
    return Done{};
  }

  // A bias whose elements change places is treated as rows of one element.
  Status write_rows(const PlannedTensor& tensor, const TensorInfo& source, Bytes bytes) {
    const bool elements_move = tensor.shape.size() == 1 && tensor.interleave_head_dim != 0;
    const uint64_t columns = elements_move ? 1 : source.columns();
    const uint64_t rows = elements_move ? source.columns() : source.rows();
    const uint64_t chunk = std::max<uint64_t>(1, kChunkElements / columns);
    for (uint64_t first = 0; first < rows; first += chunk) {
      const uint64_t count = std::min(chunk, rows - first);
      const Bytes part = in_order(tensor, bytes, first, count, row_bytes(source.type, columns));
      LK_TRY(write_converted(tensor, source, part, {first, count, columns}));
    }
    return Done{};
  }

  static bool in_file_order(const PlannedTensor& tensor) {
    return tensor.interleave_head_dim == 0 && tensor.row_order.empty();
  }

  // Columns of a matrix as rows of experts. Whole blocks that stay together are copied as they are.
  Status write_slices(const PlannedTensor& tensor, const TensorInfo& source, Bytes bytes) {
    const uint64_t columns = source.columns(), rows = source.rows(), width = columns / tensor.column_slices;
    const uint64_t row = row_bytes(source.type, columns);
    const bool whole = tensor.column_order.empty() && source.type == tensor.type;
    const uint64_t part = whole ? row_bytes(source.type, width) : 0;
    const uint64_t chunk = std::max<uint64_t>(1, kChunkElements / columns);
    for (uint64_t slice = 0; slice < tensor.column_slices; ++slice)
      for (uint64_t first = 0; first < rows; first += chunk) {
        const uint64_t count = std::min(chunk, rows - first);
        const Bytes given = bytes.subspan(size_t(first * row), size_t(count * row));
        if (whole) {
          ordered_.resize(size_t(count * part));
          for (uint64_t i = 0; i < count; ++i)
            std::memcpy(ordered_.data() + i * part, given.data() + i * row + slice * part, size_t(part));
          LK_TRY(put(ordered_));
        } else {
          LK_TRY(write_gathered(tensor, source, given, slice * width, width));
        }
      }
    return Done{};
  }

  // `width` columns of some rows, beginning with column `first` of the order.
  Status write_gathered(const PlannedTensor& tensor, const TensorInfo& source, Bytes rows, uint64_t first,
                        uint64_t width) {
    const uint64_t columns = source.columns(), count = rows.size() / row_bytes(source.type, columns);
    values_.resize(size_t(count * columns));
    LK_TRY(named(source, dequantise(source.type, rows, values_, options_.threads)));
    gathered_.resize(size_t(count * width));
    for (uint64_t r = 0; r < count; ++r)
      for (uint64_t i = 0; i < width; ++i) {
        const uint64_t column = tensor.column_order.empty() ? first + i : tensor.column_order[size_t(first + i)];
        gathered_[size_t(r * width + i)] = values_[size_t(r * columns + column)];
      }
    packed_.resize(size_t(row_bytes(tensor.type, width) * count));
    LK_TRY(named(source, quantise(tensor.type, gathered_, packed_, options_.threads)));
    return put(packed_);
  }

  // The source's bytes of `count` rows of the output, beginning with row `first`.
  Bytes in_order(const PlannedTensor& tensor, Bytes bytes, uint64_t first, uint64_t count, uint64_t row) {
    if (in_file_order(tensor)) return bytes.subspan(size_t(first * row), size_t(count * row));
    ordered_.resize(size_t(count * row));
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t from = tensor.row_order.empty() ? huggingface_row(first + i, tensor.interleave_head_dim)
                                                     : tensor.row_order[size_t(first + i)];
      std::memcpy(ordered_.data() + i * row, bytes.data() + from * row, size_t(row));
    }
    return ordered_;
  }

  struct Rows {
    uint64_t first, count, columns;  // of the output
  };
  Status write_converted(const PlannedTensor& tensor, const TensorInfo& source, Bytes part, const Rows& rows) {
    const auto merged = merged_.find(&source);
    if (source.type == tensor.type && merged == merged_.end()) return put(part);
    const uint64_t elements = rows.count * rows.columns;
    values_.resize(size_t(elements));
    LK_TRY(named(source, dequantise(source.type, part, values_, options_.threads)));
    if (merged != merged_.end()) merge_into(merged->second, rows);
    packed_.resize(size_t(row_bytes(tensor.type, elements)));
    LK_TRY(named(source, quantise(tensor.type, values_, packed_, options_.threads)));
    return put(packed_);
  }

  // Rows of q and k lie in another order in llama GGUF files.
  void merge_into(const MergedWeight& weight, const Rows& rows) {
    const bool moved = config_.family->permuted_qk && (weight.role == WeightRole::q || weight.role == WeightRole::k);
    for (uint64_t i = 0; i < rows.count; ++i)
      options_.merge.add_row(weight.layer, weight.role,
                             moved ? huggingface_row(rows.first + i, config_.head_dim) : rows.first + i,
                             std::span(values_).subspan(size_t(i * rows.columns), size_t(rows.columns)));
  }

  Status named(const TensorInfo& source, Status status) const {
    if (!status) status.error().message = join("[convert] tensor ", source.name, ": ", status.error().message);
    return status;
  }

  const Checkpoint& source_;
  const ConvertOptions& options_;
  const DecoderConfig& config_;
  const MergedWeights& merged_;
  GgufWriter writer_;
  uint64_t total_, done_ = 0;
  std::vector<std::byte> ordered_, packed_;
  std::vector<float> values_, gathered_;
};

ConvertReport report_of(const ConvertPlan& plan, const Checkpoint& source) {
  ConvertReport report;
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    const PlannedTensor& tensor = plan.tensors[i];
    const DType from = tensor.sources.empty() ? DType::f32 : tensor.sources.front()->type;
    report.tensors.push_back({tensor.name, from, tensor.type, tensor.shape, plan.header.tensors()[i].bytes});
  }
  report.notices = plan.notices;
  for (const Fallback& fallback : plan.fallbacks) report.notices.push_back(sentence(fallback));
  report.input_bytes = source.file_bytes();
  report.output_bytes = plan.header.file_bytes();
  return report;
}

std::string listed(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// From which types and to which the merged weights go.
void note_merging(ConvertReport& report, const ConvertPlan& plan, const MergedWeights& merged) {
  std::set<std::string> from, to;
  bool quantised = false, again = false;
  for (const PlannedTensor& tensor : plan.tensors) {
    if (tensor.sources.size() != 1 || !merged.contains(tensor.sources.front())) continue;
    const DType type = tensor.sources.front()->type;
    from.insert(std::string(name(type)));
    to.insert(std::string(name(tensor.type)));
    quantised = quantised || layout(type).block > 1;
    again = again || (layout(type).block > 1 && layout(tensor.type).block > 1);
  }
  if (from.empty()) return;
  report.notices.push_back(join(merged.size(), " matrices were merged: ", listed(from), " as stored, summed in f32, ",
                                again ? "quantised again" : "written", " as ", listed(to),
                                quantised ? "; what the source's types had lost stays lost." : "."));
}

}  // namespace

Result<ConvertReport> write_plan(const Checkpoint& source, const ConvertPlan& plan, const std::filesystem::path& out,
                                 const ConvertOptions& options) {
  LK_ASSIGN(const DecoderConfig config, DecoderConfig::from(source));
  LK_ASSIGN(const MergedWeights merged, merged_weights(source, config, options.merge));
  ConvertReport report = report_of(plan, source);
  note_merging(report, plan, merged);
  if (options.dry_run) return report;
  std::error_code ignored;
  if (std::filesystem::equivalent(source.path(), out, ignored))
    return invalid(join("[convert] ", out.string(), " is the source itself; give another name for the output."));
  LK_ASSIGN(GgufWriter writer, GgufWriter::create(out, plan.header));
  Conversion conversion({source, config, options, merged, report.output_bytes}, std::move(writer));
  for (const PlannedTensor& tensor : plan.tensors) LK_TRY(conversion.write(tensor));
  LK_TRY(conversion.finish());
  return report;
}

Result<ConvertReport> convert(const Checkpoint& source, const std::filesystem::path& out,
                              const ConvertOptions& options) {
  if (!can_quantise(options.type))
    return invalid(join("[convert] weights cannot be written as ", name(options.type), "."));
  LK_ASSIGN(const DecoderConfig config, DecoderConfig::from(source));
  LK_TRY(check_weights(source, config));
  const ConvertWishes wishes{.type = options.type};
  const bool gguf = source.kind() == Checkpoint::Kind::gguf;
  LK_ASSIGN(const ConvertPlan plan,
            gguf ? plan_from_gguf(source, config, wishes) : plan_from_huggingface(source, config, wishes));
  return write_plan(source, plan, out, options);
}

}  // namespace lorikeet
