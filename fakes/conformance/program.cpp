#include "fakes/conformance/program.hpp"

namespace gatio::fakes::conformance {
namespace {

constexpr const char* kOpNames[kOps] = {
    "nop",
    "read",
    "write",
    "send",
    "send_zc",
    "sendmsg",
    "recv",
    "recv_multishot",
    "recvmsg",
    "recvmsg_multishot",
    "accept",
    "accept_multishot",
    "connect",
    "socket",
    "close",
    "shutdown",
    "poll",
    "poll_multishot",
    "poll_remove",
    "timeout",
    "timeout_multishot",
    "timeout_remove",
    "timeout_update",
    "link_timeout",
    "cancel",
    "message",
};
constexpr const char* kObjectNames[] = {"listener", "stream", "datagram", "event", "fresh"};
constexpr const char* kStepNames[] = {
    "submit",       "peer_send",    "peer_receive", "peer_close", "peer_shutdown", "peer_reset",
    "peer_connect", "close_object", "refill",       "drop_group", "enter",         "idle",
};

// Appends ".field = value" unless the value is the default.
template <typename T>
void field(std::string& text, const char* field_name, T value, T standard) {
  if (value == standard) return;
  if (text.back() != '{') text += ", ";
  text += std::string(".") + field_name + " = " + std::to_string(value);
}

}  // namespace

const char* name(Op op) {
  return kOpNames[static_cast<unsigned>(op)];
}

std::string to_text(const Request& request) {
  const Request standard;
  std::string text = std::string("{.op = Op::") + name(request.op);
  field(text, "id", request.id, standard.id);
  field(text, "object", request.object, standard.object);
  field(text, "bytes", request.bytes, standard.bytes);
  field(text, "option", request.option, standard.option);
  field(text, "target", request.target, standard.target);
  field(text, "flags", request.flags, standard.flags);
  field<unsigned>(text, "group", request.group, standard.group);
  return text + "}";
}

std::string to_text(const Step& step) {
  const Step standard;
  std::string text =
      std::string("{.kind = StepKind::") + kStepNames[static_cast<unsigned>(step.kind)];
  field<unsigned>(text, "ring", step.ring, standard.ring);
  field(text, "object", step.object, standard.object);
  field(text, "amount", step.amount, standard.amount);
  field<unsigned>(text, "group", step.group, standard.group);
  if (step.fetch == Fetch::none) text += ", .fetch = Fetch::none";
  field(text, "reap", step.reap, standard.reap);
  if (step.requests.empty()) return text + "}";
  text += ", .requests = {";
  for (const Request& request : step.requests) {
    text += (&request == step.requests.data() ? "\n         " : ",\n         ") + to_text(request);
  }
  return text + "}}";
}

std::string to_text(const Program& program) {
  std::string text = "Program program{.rings = " + std::to_string(program.rings) +
                     ", .sq_entries = " + std::to_string(program.sq_entries) +
                     ", .cq_entries = " + std::to_string(program.cq_entries) +
                     (program.direct ? ", .direct = true" : "") + ",\n    .objects = {";
  const char* comma = "";
  for (ObjectKind kind : program.objects) {
    text += std::string(comma) + "ObjectKind::" + kObjectNames[static_cast<unsigned>(kind)];
    comma = ", ";
  }
  text += "},\n    .groups = {";
  comma = "";
  for (const Group& group : program.groups) {
    text += std::string(comma) + "{.count = " + std::to_string(group.count) +
            ", .size = " + std::to_string(group.size) +
            (group.incremental ? ", .incremental = true}" : "}");
    comma = ", ";
  }
  text += "},\n    .steps = {";
  comma = "\n        ";
  for (const Step& step : program.steps) {
    text += comma + to_text(step);
    comma = ",\n        ";
  }
  return text + "}};\n";
}

bool bundles(const Request& request) {
  bool may = request.op == Op::send || request.op == Op::recv || request.op == Op::recv_multishot ||
             request.op == Op::recvmsg || request.op == Op::recvmsg_multishot;
  bool selects = (request.flags & IOSQE_BUFFER_SELECT) != 0;
  return may && selects && (request.option & kBundle) != 0;
}

std::vector<const Request*> requests_of(const Program& program) {
  std::vector<const Request*> all;
  for (const Step& step : program.steps) {
    for (const Request& request : step.requests) all.push_back(&request);
  }
  return all;
}

}  // namespace gatio::fakes::conformance
