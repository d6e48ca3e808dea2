"""The network under test, as its endpoints file describes it, and waiting for what happens in its own time."""

import json
import time

import xds


class Network:
    def __init__(self, endpoints_file):
        with open(endpoints_file, encoding="utf-8") as file:
            self.endpoints = json.load(file)
        self.nodes = {node["name"]: node for node in self.endpoints["nodes"]}
        self.domain = self.endpoints["patient_domain"]
        self.patients = [patient["id"] for patient in self.endpoints["patients"]]

    def at(self, node, key):
        """The address of an endpoint."""
        return self.nodes[node]["endpoints"][key]

    def http(self, node):
        return self.at(node, "ready").split("/health/")[0]

    def dimse(self, node):
        """(host, port, AE title)."""
        host, port = self.at(node, "DIMSE").rsplit(":", 1)
        return host, int(port), self.at(node, "DIMSE-AET")

    def cx(self, patient):
        """A patient id of the domain as HL7 writes it."""
        return xds.cx(patient, self.domain)

    def entries(self, statuses=(xds.APPROVED,)):
        """Every entry of the known patients, by ITI-18."""
        registry = self.at("central", "ITI-18")
        return [e for p in self.patients for e in xds.find_documents(registry, self.cx(p), statuses=statuses)]

    def repository(self, entry):
        """The ITI-43 address of the repository that an entry names."""
        wanted = entry.slot("repositoryUniqueId")
        for node in self.nodes.values():
            if node.get("repository_unique_id") == wanted:
                return node["endpoints"]["ITI-43"]
        raise AssertionError(f"no node has repository {wanted}")


def until(what, attempt, limit=60.0):
    """Tries until `attempt()` gives something true, and returns that. The limit only ends a test that has failed."""
    end = time.monotonic() + limit
    while True:
        found = attempt()
        if found:
            return found
        assert time.monotonic() < end, f"{what}: not after {limit} s"
        time.sleep(0.1)


def check(condition, what):
    """An assertion that says what was found."""
    if not condition:
        raise AssertionError(what)
