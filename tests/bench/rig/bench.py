"""What every subject is given: the binary, the loads, the report and a place for files."""
import contextlib
import pathlib
import shutil
from dataclasses import dataclass, field

from rig import fleet, machine
from rig.loads import Loads
from rig.report import Report
from rig.server import Server
from rig.yardsticks import Certificate, Nginx


@dataclass
class Bench:
    binary: str
    folder: pathlib.Path
    loads: Loads
    report: Report
    sizes: list  # of the fleets whose growth is measured, ascending
    devices: int  # of the fleet of all other subjects
    upload_mib: int
    _certificate: Certificate = field(default=None, init=False)

    @property
    def certificate(self):
        if self._certificate is None:
            self._certificate = Certificate(self.folder)
        return self._certificate

    def nginx(self):
        shutil.rmtree(self.folder / "nginx", ignore_errors=True)
        return Nginx(self.folder, self.certificate)

    def start(self, name, *flags, core=machine.SERVER_CORE):
        """The server on the data folder of that name."""
        return Server(self.binary, str(self.folder / name), *flags, certificate=self.certificate, core=core)

    @contextlib.contextmanager
    def fresh(self, name, *flags, devices=None, core=machine.SERVER_CORE):
        """The server on a new folder, with the product and its devices; the folder goes when it ends."""
        try:
            with self.start(name, *flags, core=core) as server:
                fleet.make_product(server.rest)
                fleet.register(server.rest, self.devices if devices is None else devices)
                yield server
        finally:
            self.forget(name)

    def forget(self, name):
        shutil.rmtree(self.folder / name, ignore_errors=True)
