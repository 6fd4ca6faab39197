#include "shaders/attention.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/support.h"

namespace lorikeet {
namespace {

constexpr int64_t kQueries = 8;  // query rows of a workgroup of attention_flash at most
// An old lavapipe ends loops silently after 65,535 turns of all loops of an invocation. No choice comes near.
constexpr int64_t kTurns = 60000;

// The numbers of one node.
struct Numbers {
  int64_t rows, heads, kv_heads, head_dim, window, kv_limit, group;
  double scale;
};

Numbers numbers(int64_t rows, const Attributes& a) {
  Numbers n{rows,
            a.integer("heads"),
            a.integer("kv_heads"),
            a.integer("head_dim"),
            a.integer("window"),
            a.integer("kv_limit"),
            1,
            a.number("scale")};
  n.group = n.kv_heads > 0 ? n.heads / n.kv_heads : 1;
  return n;
}

Result<Shapes> shape(Inputs inputs, const Attributes& attributes) {
  const Tensor& q = inputs[0];
  LK_TRY(expect_f32("q", q));
  LK_TRY(expect_rows("rows", q.shape.rows()));
  const Numbers n = numbers(q.shape.rows(), attributes);
  if (n.heads < 1 || n.kv_heads < 1 || n.heads % n.kv_heads || n.heads > 65535)
    return invalid(join("heads (", n.heads, ") must be a multiple of kv_heads (", n.kv_heads, ")."));
  if (n.head_dim < 1 || n.head_dim > int64_t(shader::kMaxHeadDim))
    return invalid(join("head_dim must be 1 to ", shader::kMaxHeadDim, ", ", n.head_dim, " was given."));
  if (q.shape.columns() != n.heads * n.head_dim)
    return invalid(join("q is ", q.shape.text(), ", its last axis must be ", n.heads, " heads * ", n.head_dim, "."));
  LK_TRY(expect_caches(inputs[1], inputs[2], n.kv_heads * n.head_dim));
  if (inputs[1].dtype == DType::f16 && n.head_dim % 2)
    return invalid(join("an f16 cache needs an even head_dim, not ", n.head_dim, "."));
  if (n.window < 0 || n.kv_limit < 1 || n.kv_limit > (1 << 24))
    return invalid(
        join("kv_limit must be 1 to 2^24 and window not negative, ", n.kv_limit, " and ", n.window, " were given."));
  LK_TRY(expect_words("control", inputs[3]));
  return Shapes{{DType::f32, q.shape}};
}

// Builds the choices of one node.
class Lowering {
 public:
  Lowering(const Node& node, const DeviceProfile& profile)
      : node_(node),
        profile_(profile),
        n_(numbers(node.inputs[0].shape.rows(), node.attributes)),
        cpu_(profile.kind == DeviceKind::cpu) {}

  void run(Choices& choices) const {
    const bool many_rows = n_.rows >= 16;
    const bool fits_rows = n_.head_dim % 4 == 0 && n_.head_dim <= 128 && turns_of_rows() < kTurns;
    if (many_rows && cpu_ && fits_rows) choices.push_back(lane_a_row());
    if (many_rows && tile_rows() > 1 && tile_rows() * turns_of_flash() < kTurns)
      choices.push_back(flash("flash_tile", tile_rows(), 1));
    choices.push_back(flash("flash", 1, splits()));
    if (!(many_rows && cpu_) && fits_rows) choices.push_back(lane_a_row());
    choices.push_back(plain());
  }

 private:
  // Query heads that a workgroup of attention_flash does together: equal parts of the heads of a kv head.
  int64_t flash_parts() const { return (n_.group + kQueries - 1) / kQueries; }
  int64_t flash_heads() const { return (n_.group + flash_parts() - 1) / flash_parts(); }
  int64_t tile_rows() const { return kQueries / flash_heads(); }

  int64_t context() const { return n_.window > 0 ? std::min(n_.window, n_.kv_limit) : n_.kv_limit; }
  int64_t turns_of_flash() const { return (context() / 64 + 2) * ((n_.head_dim + 7) / 8 + 14); }
  int64_t turns_of_rows() const { return (context() / 32 + 2) * (n_.head_dim <= 64 ? 9 : 17) + 100; }

  // Enough workgroups for all cores, none smaller than 128 positions unless there are too many turns.
  int64_t splits() const {
    const int64_t groups = n_.rows * n_.kv_heads * flash_parts();
    const int64_t wanted = cpu_ ? 6 : profile_.kind == DeviceKind::discrete ? 512 : 64;
    const int64_t most = cpu_ ? 4 : 64;
    const int64_t least = turns_of_flash() / kTurns + 1;
    const int64_t enough = std::clamp<int64_t>((wanted + groups - 1) / groups, 1, most);
    return std::max(least, std::clamp<int64_t>(context() / 128, 1, enough));
  }

  shader::AttentionParams params(int64_t splits) const {
    return {uint32_t(n_.rows), uint32_t(n_.heads),  uint32_t(n_.kv_heads),
            float(n_.scale),   uint32_t(n_.window), uint32_t(splits)};
  }
  double flops() const { return 4.0 * double(n_.rows * n_.heads * n_.head_dim) * double(n_.kv_limit); }  // at the limit
  uint64_t bytes() const { return uint64_t(8 * n_.rows * n_.heads * n_.head_dim); }  // besides the caches
  std::string variant() const { return std::string(cache_variant(node_.inputs[1])); }

  std::vector<Operand> operands() const {
    return {Operand::of(node_.inputs[3]), Operand::of(node_.inputs[0]), Operand::of(node_.inputs[1]),
            Operand::of(node_.inputs[2]), Operand::of(node_.outputs[0])};
  }

  Choice flash(std::string_view name, int64_t rows, int64_t splits) const {
    enum : int32_t { sums, weights };
    const uint64_t parts = uint64_t(splits > 1 ? n_.rows * n_.heads * splits : 1);
    Choice choice{.name = std::string(name),
                  .scratch = {parts * uint64_t(n_.head_dim) * 4, (shader::kGridPairs + parts) * 8},
                  .pinned_order = false};
    Dispatch dispatch{.kernel = "attention_flash/" + variant(),
                      .constants = {{0, uint32_t(n_.head_dim)}, {1, uint32_t(rows)}, {2, uint32_t(flash_heads())}},
                      .operands = operands(),
                      .params = params_bytes(params(splits)),
                      .groups = {uint32_t(splits), uint32_t(n_.kv_heads * flash_parts()), groups_for(n_.rows, rows)},
                      .flops = flops(),
                      .bytes = bytes()};
    dispatch.operands.push_back(Operand::of_scratch(sums));
    dispatch.operands.push_back(Operand::of_scratch(weights));
    choice.dispatches.push_back(std::move(dispatch));
    if (splits == 1) return choice;
    choice.dispatches.push_back({.kernel = "attention_combine",
                                 .constants = {{0, uint32_t(n_.head_dim)}},
                                 .operands = {Operand::of(node_.inputs[3]), Operand::of_scratch(sums),
                                              Operand::of_scratch(weights), Operand::of(node_.outputs[0])},
                                 .params = params_bytes(params(splits)),
                                 .indirect = true,
                                 .arguments = Operand::of_scratch(weights)});
    return choice;
  }

  Choice lane_a_row() const {
    const uint32_t lanes = std::clamp<uint32_t>(profile_.subgroup_size, 16, 64);
    const uint32_t run_groups = lanes * turns_of_rows() < kTurns ? 1 : lanes;  // a tile may be as many runs as rows
    Dispatch dispatch{.kernel = "attention_rows/" + variant(),
                      .constants = {{0, uint32_t(n_.head_dim)}, {1, lanes}},
                      .operands = operands(),
                      .params = params_bytes(params(1)),
                      .groups = {groups_for(n_.rows, lanes), uint32_t(n_.heads), run_groups},
                      .flops = flops(),
                      .bytes = bytes()};
    return {.name = "lane_a_row", .dispatches = {std::move(dispatch)}, .pinned_order = false};
  }

  Choice plain() const {
    Dispatch dispatch{.kernel = "attention/" + variant(),
                      .constants = {{0, uint32_t(n_.head_dim)}},
                      .operands = operands(),
                      .params = params_bytes(params(1)),
                      .groups = {uint32_t(n_.heads), uint32_t(n_.rows), 1},
                      .flops = flops(),
                      .bytes = bytes()};
    return {.name = "plain", .dispatches = {std::move(dispatch)}};
  }

  const Node& node_;
  const DeviceProfile& profile_;
  const Numbers n_;
  const bool cpu_;
};

void lower(const Graph&, const Node& node, const DeviceProfile& profile, Choices& choices) {
  Lowering(node, profile).run(choices);
}

const Op kOp = {.name = "attention", .shape = shape, .lower = lower};

}  // namespace

Tensor attention(Graph& g, Tensor q, Tensor cache_k, Tensor cache_v, Tensor control, const AttentionAttributes& a) {
  return g.apply(kOp, {q, cache_k, cache_v, control},
                 {{"heads", a.heads},
                  {"kv_heads", a.kv_heads},
                  {"head_dim", a.head_dim},
                  {"scale", a.scale},
                  {"window", a.window},
                  {"kv_limit", a.kv_limit}})[0];
}

}  // namespace lorikeet
