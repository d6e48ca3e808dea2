//! The programs that manifold is set beside: Debian's nginx and Orthanc, and a HAPI FHIR JPA server, each with a
//! configuration of its own that asks for what Debian's or the program's own defaults give, on loopback.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::process::{Running, free_port};
use super::{Ground, http};
use crate::command::find_program;

const STARTS_WITHIN: Duration = Duration::from_secs(60);
const DICOMWEB: &str = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so";

/// nginx with one folder of files.
pub struct Nginx {
    pub port: u16,
    _running: Running,
}

impl Nginx {
    /// Errors: nginx is missing or does not start.
    pub fn start(ground: &Ground, files: &Path) -> Result<Self> {
        let folder = ground.inside("nginx")?;
        let port = free_port()?;
        let at = folder.display();
        // sendfile and tcp_nopush as in Debian's nginx.conf; no log of requests, which helps nginx.
        let text = format!(
            "daemon off;\nuser root;\npid {at}/pid;\nerror_log {at}/error.log;\nworker_processes auto;\n\
             events {{ worker_connections 256; }}\n\
             http {{\n  sendfile on;\n  tcp_nopush on;\n  access_log off;\n  default_type application/octet-stream;\n\
             \x20 client_body_temp_path {at}/body;\n  proxy_temp_path {at}/proxy;\n  fastcgi_temp_path {at}/fastcgi;\n\
             \x20 uwsgi_temp_path {at}/uwsgi;\n  scgi_temp_path {at}/scgi;\n\
             \x20 server {{ listen 127.0.0.1:{port}; root {}; }}\n}}\n",
            files.display()
        );
        let configuration = write(&folder.join("nginx.conf"), &text)?;
        let mut nginx = Command::new(program("nginx")?);
        nginx.arg("-e").arg(folder.join("error.log")).arg("-c").arg(configuration);
        let mut running = Running::start("nginx", &folder, &mut nginx)?;
        running.until("it listens", STARTS_WITHIN, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        Ok(Self { port, _running: running })
    }
}

/// When Orthanc's DICOM side sends a small segment. Its answers are two small writes, and as Debian builds dcmtk the
/// second waits for the client's delayed acknowledgement, some 30 ms an object; this has nothing to do with storing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segments {
    AsInstalled,
    /// dcmtk is told to by its environment variable.
    AtOnce,
}

/// Orthanc with its DICOMweb plugin and an empty store.
pub struct Orthanc {
    pub http_port: u16,
    pub dicom_port: u16,
    running: Running,
}

impl Orthanc {
    /// Starts one whose data lie in a folder of that name.
    ///
    /// Errors: Orthanc or its plugin is missing, or it does not start.
    pub fn start(ground: &Ground, name: &str, segments: Segments) -> Result<Self> {
        let folder = ground.inside(name)?;
        let (http_port, dicom_port) = (free_port()?, free_port()?);
        // What is not named keeps Orthanc's default; SyncStorageArea (fsync of every file) is one, and named all the same.
        let configuration = json!({
            "Name": "bench",
            "StorageDirectory": folder.join("storage"),
            "IndexDirectory": folder.join("index"),
            "Plugins": [DICOMWEB],
            "HttpPort": http_port,
            "DicomPort": dicom_port,
            "DicomAet": "ORTHANC",
            "RemoteAccessAllowed": false,
            "AuthenticationEnabled": false,
            "SyncStorageArea": true,
            "DicomWeb": { "Enable": true, "Root": "/dicom-web/", "EnableMetadata": true },
        });
        let file = write(&folder.join("orthanc.json"), &configuration.to_string())?;
        let mut orthanc = Command::new(program("Orthanc")?);
        orthanc.arg(file);
        if segments == Segments::AtOnce {
            orthanc.env("TCP_NODELAY", "1");
        }
        let mut running = Running::start(name, &folder, &mut orthanc)?;
        running.until("it answers", STARTS_WITHIN, || http::answers(http_port, "/system"))?;
        Ok(Self { http_port, dicom_port, running })
    }

    /// Instances it has.
    ///
    /// Errors: it does not say.
    pub fn instances(&self) -> Result<u64> {
        let statistics = http::json(self.http_port, "/statistics")?;
        statistics["CountInstances"].as_u64().context("Orthanc does not say how many instances it has")
    }

    pub fn stop(self) {
        self.running.stop();
    }
}

/// `interop/hapi-jpa`: a HAPI FHIR JPA server with an empty H2 database in memory; FHIR is below `/fhir`.
pub struct HapiJpa {
    pub port: u16,
    pub running: Running,
}

impl HapiJpa {
    /// Errors: it is not built, there is no Java, or it does not start.
    pub fn start(ground: &Ground) -> Result<Self> {
        let folder = ground.peers.join("hapi-jpa");
        if !folder.join("lib").is_dir() {
            bail!("the HAPI FHIR JPA server is not built; `cargo xtask peers --bench` builds it");
        }
        let port = free_port()?;
        let classes = std::env::join_paths([folder.join("classes"), folder.join("lib/*")]).context("the class path")?;
        let mut java = Command::new(program("java")?);
        java.args(["-Xmx2g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp"]).arg(classes);
        java.args(["manifold.interop.JpaServer", &port.to_string()]);
        let mut running = Running::start("hapi-jpa", &ground.folder, &mut java)?;
        running.until("it answers", STARTS_WITHIN * 3, || http::answers(port, "/fhir/metadata"))?;
        Ok(Self { port, running })
    }
}

fn program(name: &str) -> Result<PathBuf> {
    find_program(name).with_context(|| format!("{name} is not installed; `cargo xtask peers --bench` installs it"))
}

fn write(file: &Path, text: &str) -> Result<PathBuf> {
    fs::write(file, text).with_context(|| format!("writing {}", file.display()))?;
    Ok(file.to_owned())
}
