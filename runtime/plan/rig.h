// Rig: a small graph with memory and data of its own, ready to run again and again. For the doctor, the benchmark and
// the tests of ops.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/device/device.h"
#include "runtime/graph/graph.h"
#include "runtime/plan/kernels.h"
#include "runtime/plan/plan.h"

namespace lorikeet {

// Values by tensor name. Matrix weights are given as the bytes of a file of their type (row-major blocks; they are
// packed as a model's are); everything else as f32, as 32-bit words, or as raw bytes. What is not given is zero.
struct RigData {
  std::map<std::string, std::vector<float>> floats;
  std::map<std::string, std::vector<uint32_t>> words;
  std::map<std::string, std::vector<std::byte>> bytes;
};

struct RigOptions {
  std::string choice;  // taken by every node that has it; "" = what the heuristics take
  bool timestamps = false;
};

struct RigOutcome {
  std::map<std::string, std::vector<float>> floats;    // kept results and states of f32
  std::map<std::string, std::vector<uint32_t>> words;  // kept results and states of other types
};

class Rig {
 public:
  static Result<Rig> create(Device& device, KernelLibrary& kernels, const Graph& graph, const RigData& data,
                            const RigOptions& options = {});
  Rig(Rig&&) noexcept;
  Rig& operator=(Rig&&) noexcept;
  ~Rig();

  Status run();               // once, and waits
  Result<Ticket> submit();    // once, without waiting
  Result<RigOutcome> read();  // kept results and states after the last run
  const Plan& plan() const;

 private:
  struct Impl;
  explicit Rig(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lorikeet
