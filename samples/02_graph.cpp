// A graph of tensor ops, arranged once for a device and run: y = rms_norm(x) * gelu(x), checked on the host.
#include <cmath>
#include <cstdio>
#include <vector>

#include "runtime/ops/ops.h"
#include "runtime/plan/rig.h"

using namespace lorikeet;

namespace {

constexpr int64_t kRows = 4, kColumns = 96;
constexpr float kEps = 1e-5f;

std::vector<float> on_host(const std::vector<float>& x, const std::vector<float>& weight) {
  std::vector<float> y(x.size());
  for (int64_t r = 0; r < kRows; ++r) {
    double squares = 0;
    for (int64_t c = 0; c < kColumns; ++c) squares += double(x[r * kColumns + c]) * x[r * kColumns + c];
    const double scale = 1 / std::sqrt(squares / kColumns + kEps);
    for (int64_t c = 0; c < kColumns; ++c) {
      const double v = x[r * kColumns + c];
      y[r * kColumns + c] = float(v * scale * weight[c] * 0.5 * v * (1 + std::erf(v / std::sqrt(2.0))));
    }
  }
  return y;
}

Status run() {
  LK_ASSIGN(Device device, Device::open({Options::from_environment(), {}}));

  // What to compute: plain data, no device is needed for it.
  Graph g;
  const Tensor x = g.input("x", DType::f32, {kRows, kColumns});                               // (rows, columns)
  const Tensor weight = g.weight("weight", DType::f32, {kColumns}, {"weight", 0, kColumns});  // (columns)
  g.keep(mul(g, rms_norm(g, x, weight, kEps), gelu(g, x, Gelu::erf)), "y");                   // (rows, columns)
  std::printf("%s\n", g.print().c_str());

  RigData data;
  for (int64_t i = 0; i < kRows * kColumns; ++i) data.floats["x"].push_back(std::sin(0.1f * float(i)));
  for (int64_t i = 0; i < kColumns; ++i) data.floats["weight"].push_back(1 + 0.01f * float(i));

  // How to compute it on this device: kernels chosen, memory placed, commands recorded.
  KernelLibrary kernels;
  LK_ASSIGN(Rig rig, Rig::create(device, kernels, g, data));
  std::printf("%s\n", rig.plan().print().c_str());
  LK_TRY(rig.run());
  LK_ASSIGN(const RigOutcome outcome, rig.read());

  const std::vector<float>& y = outcome.floats.at("y");
  const std::vector<float> expected = on_host(data.floats["x"], data.floats["weight"]);
  float worst = 0;
  for (size_t i = 0; i < y.size(); ++i) worst = std::max(worst, std::abs(y[i] - expected[i]));
  std::printf("largest difference from the host: %g\n", double(worst));
  return worst < 1e-4f ? Status(Done{}) : Status(Error{ErrorCode::internal, "the device and the host disagree.", {}});
}

}  // namespace

int main() {
  const Status status = run();
  if (!status) std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return status ? 0 : 1;
}
