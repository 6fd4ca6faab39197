#include "runtime/ops/chained_rows.h"

#include "shaders/fill.h"
#include "shaders/row_chains.h"

namespace lorikeet {

void lower_chained_rows(Tensor dy, Tensor control, Tensor y, RowKeys keys, Choices& choices) {
  const int64_t entries = dy.shape.rows(), columns = dy.shape.columns();
  const Operand chains = Operand::of_scratch(0);
  const auto choice = [&](std::string_view name, std::string_view kernel, uint32_t width) {
    const auto params =
        params_bytes(shader::RowChainsParams{uint32_t(entries), uint32_t(y.shape.rows()), uint32_t(columns) / width});
    Choice made{.name = std::string(name), .scratch = {uint64_t(entries) * shader::kChainWords * 4}};
    // Far fewer rows than y has: the rest is zero.
    const uint32_t count = uint32_t(y.shape.elements());
    made.dispatches.push_back({.kernel = "fill",
                               .operands = {Operand::of(y)},
                               .params = params_bytes(shader::FillParams{count, 0}),
                               .groups = spread((int64_t(count) + 63) / 64)});
    made.dispatches.push_back({.kernel = keys == RowKeys::text     ? "row_chains/text"
                                         : keys == RowKeys::visual ? "row_chains/visual"
                                                                   : "row_chains/wanted",
                               .operands = {Operand::of(control), chains},
                               .params = params,
                               .groups = {groups_for(entries, 64), 1, 1}});
    made.dispatches.push_back({.kernel = std::string(kernel),
                               .operands = {Operand::of(dy), chains, Operand::of(y)},
                               .params = params,
                               .groups = spread(entries)});
    choices.push_back(std::move(made));
  };
  if (columns % 4 == 0) choice("vec4", "add_chains/vec4", 4);
  choice("scalar", "add_chains/float", 1);
}

}  // namespace lorikeet
