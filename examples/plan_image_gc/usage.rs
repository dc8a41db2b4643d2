//! Which images pods use, by the names that a runtime gives them.

use std::collections::{BTreeMap, BTreeSet};

use node_lifecycle::api::{Container, ContainerState, ContainerStatus, Pod};
use node_lifecycle::image::ImageReference;
use serde::Serialize;

use super::cri::Image;

/// A container that has to do with an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    /// Its pod: `namespace/name`.
    pub(crate) pod: String,
    pub(crate) container: String,
    pub(crate) how: How,
    #[serde(skip)]
    pub(crate) runtime_handler: String,
}

/// What it has to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum How {
    /// It was made from it, and runs.
    Runs,
    /// It was made from it and has ended, and is still there.
    Ended,
    /// It has it mounted as a volume.
    Mounts,
    /// It is not made yet, and will need it.
    Waits,
}

/// Who uses which image.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// By the place of the image in the list.
    pub(crate) users: BTreeMap<usize, BTreeSet<User>>,
    /// What containers were made from and the runtime does not list.
    pub(crate) not_listed: BTreeSet<String>,
}

impl Usage {
    pub(crate) fn of(pods: &[Pod], images: &[Image]) -> Self {
        let names = Names::of(images);
        let mut usage = Self::default();
        for pod in pods {
            usage.take(pod, &names);
        }
        usage
    }

    fn take(&mut self, pod: &Pod, names: &Names) {
        let name = format!("{}/{}", pod.metadata.namespace, pod.metadata.name);
        let spec = &pod.spec;
        let user = |container: &str, how| User {
            pod: name.clone(),
            container: container.to_owned(),
            how,
            runtime_handler: spec.runtime_class_name.clone().unwrap_or_default(),
        };
        let has_ended = pod.status.phase.is_some_and(|phase| phase.is_terminal());
        let statuses: BTreeMap<&str, &ContainerStatus> =
            pod.status.all_container_statuses().map(|status| (&*status.name, status)).collect();
        let containers =
            spec.init_containers.iter().chain(&spec.containers).chain(&spec.ephemeral_containers);
        for container in containers {
            // With an id of its image it was made at least once, and the kubelet keeps the last one of its kind.
            let made = statuses.get(&*container.name).filter(|status| !status.image_id.is_empty());
            match made {
                Some(status) => {
                    let found = names.of_status(status);
                    if found.is_empty() {
                        self.not_listed.insert(status.image.clone());
                    }
                    let runs = matches!(status.state, Some(ContainerState::Running(_)));
                    let how = if runs { How::Runs } else { How::Ended };
                    self.use_all(&found, &user(&container.name, how));
                }
                None if !has_ended => {
                    self.use_all(names.of_name(&container.image), &user(&container.name, How::Waits));
                }
                None => {}
            }
            let how = if made.is_some() { How::Mounts } else { How::Waits };
            if made.is_some() || !has_ended {
                for image in mounted(pod, container) {
                    self.use_all(names.of_name(image), &user(&container.name, how));
                }
            }
        }
    }

    fn use_all(&mut self, images: &[usize], user: &User) {
        for image in images {
            self.users.entry(*image).or_default().insert(user.clone());
        }
    }
}

/// The images that a container mounts as volumes.
fn mounted<'a>(pod: &'a Pod, container: &'a Container) -> impl Iterator<Item = &'a str> {
    let mounts = container.volume_mounts.iter();
    let volumes = mounts.filter_map(|mount| pod.spec.volumes.iter().find(|volume| volume.name == mount.name));
    volumes.filter_map(|volume| volume.image.as_ref()).map(|image| &*image.reference)
}

/// Images by everything that they are called.
struct Names(BTreeMap<String, Vec<usize>>);

impl Names {
    fn of(images: &[Image]) -> Self {
        let mut names = Self(BTreeMap::new());
        for (at, image) in images.iter().enumerate() {
            names.take(&image.id, at);
            names.take(bare(&image.id), at);
            for name in image.repo_tags.iter().chain(&image.repo_digests) {
                names.take(name, at);
                names.take(&normalised(name), at);
                if let Some((_, digest)) = name.split_once('@') {
                    names.take(digest, at);
                }
            }
        }
        names
    }

    fn take(&mut self, name: &str, at: usize) {
        let of_name = self.0.entry(name.to_owned()).or_default();
        if of_name.last() != Some(&at) {
            of_name.push(at);
        }
    }

    /// The images that a container was made from. Its id says it; its name may mean another one by now.
    fn of_status(&self, status: &ContainerStatus) -> Vec<usize> {
        let id = &*status.image_id;
        // Older ones have the runtime in front: `docker-pullable://`.
        let id = id.split_once("://").map_or(id, |(_, id)| id);
        let digest = id.split_once('@').map_or(id, |(_, digest)| digest);
        let found =
            [id, bare(id), digest].into_iter().map(|name| self.get(name)).find(|found| !found.is_empty());
        found.unwrap_or_default().to_vec()
    }

    fn of_name(&self, name: &str) -> &[usize] {
        match self.get(name) {
            [] => self.get(&normalised(name)),
            found => found,
        }
    }

    fn get(&self, name: &str) -> &[usize] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The images of a name that a person wrote.
    pub(crate) fn find(&self, name: &str) -> &[usize] {
        match self.of_name(name) {
            [] => self.get(bare(name)),
            found => found,
        }
    }
}

/// The images of names that a person wrote, by name.
pub(crate) fn find<'a>(
    images: &[Image],
    wanted: impl Iterator<Item = &'a str>,
) -> BTreeMap<&'a str, Vec<usize>> {
    let names = Names::of(images);
    wanted.map(|name| (name, names.find(name).to_vec())).collect()
}

/// An id without its algorithm.
fn bare(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}

/// A name as the kubelet has it, with its registry and its tag.
fn normalised(name: &str) -> String {
    name.parse::<ImageReference>().map_or_else(|_| name.to_owned(), |image| image.as_str().to_owned())
}
