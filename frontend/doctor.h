// Doctor: runs every choice that this very device would use, over edge shapes, against formulas on the host, several
// times. A choice that is wrong or not deterministic is quarantined for the device and driver, and the next takes its
// place; if the plain one is wrong, the device must not be used.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "runtime/device/device.h"
#include "runtime/plan/choices.h"
#include "runtime/plan/rig.h"

namespace lorikeet {

// A graph whose last node is examined, its data, and what must come out.
struct DoctorCase {
  std::string name;  // "matmul q4_1, 5 rows, 100 x 96"
  Graph graph;
  RigData data;
  std::map<std::string, std::vector<float>> floats;    // kept results
  std::map<std::string, std::vector<uint32_t>> words;  // states of u32: compared exactly
  double tolerance = 1e-7;                             // normalised mean squared error; a choice's own may be wider
};

// Cases for every op and weight type, small enough for a few seconds, large enough for the known faults of drivers.
std::vector<DoctorCase> doctor_cases(const DeviceProfile& profile);

struct DoctorFinding {
  std::string family, choice;  // as in the table of choices
  size_t cases = 0;
  double worst_error = 0;  // normalised mean squared error
  std::string fault;       // empty: healthy; else the first case that failed and how
  bool plain = false;      // the choice of last resort
};

struct DoctorReport {
  std::vector<DoctorFinding> findings;
  double seconds = 0;
  bool refused = false;  // a plain choice failed: this device gives wrong answers
};

// Fills the table's quarantine anew (earlier verdicts are dropped); the caller saves it.
Result<DoctorReport> examine(Device& device, KernelLibrary& kernels, ChoiceTable& table,
                             const std::vector<DoctorCase>& cases, const Progress& progress = {});

}  // namespace lorikeet
