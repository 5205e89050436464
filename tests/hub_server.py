"""A Hugging Face Hub on this computer: the endpoints that models are read and written by."""

import base64
import hashlib
import http.server
import json
import re
import threading
from urllib.parse import unquote, urlsplit

import yaml

TOKEN = "hf_of_the_tests"


def card_data_of(files):
    """Metadata of a model card, as the Hub reads it."""
    match = re.match(r"---\n(.*?)\n---", files.get("README.md", b"").decode(), re.DOTALL)
    return yaml.safe_load(match[1]) if match else {}


class Repository:
    """Commits of one model, each with all of its files."""

    def __init__(self, private=False, gated=False):
        self.private, self.gated = private, gated
        self.commits, self.refs = {}, {}

    def commit(self, files, branch="main"):
        """A commit with these files beside those that the branch has."""
        before = self.commits.get(self.refs.get(branch), {})
        every = {**before, **files}
        digests = {name: hashlib.sha1(content).hexdigest() for name, content in every.items()}
        told = json.dumps([len(self.commits), branch, digests], sort_keys=True)
        sha = hashlib.sha1(told.encode()).hexdigest()
        self.commits[sha], self.refs[branch] = every, sha
        return sha

    def resolve(self, revision):
        """Commit that a branch, a tag or a commit stands for; None for any other."""
        sha = self.refs.get(revision, revision)
        return sha if sha in self.commits else None


class HubServer(http.server.ThreadingHTTPServer):
    """Repositories by name, what was asked for, and what goes wrong."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.repositories, self.blobs, self.asked = {}, {}, []
        # By the name of a file: content that is sent in place of its own, and how it is cut.
        self.spoiled, self.cut = {}, {}
        self.status = None

    def add(self, name, files, **about):
        """A repository with one commit, whose name is returned."""
        self.repositories[name] = Repository(**about)
        return self.repositories[name].commit(files)

    def asked_for(self, part):
        """Requests whose address holds a text."""
        return [line for line in self.asked if part in line]

    def run(self):
        """Serve in a thread, until it is shut down."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        return thread


class HubHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, content=b"", **headers):
        if isinstance(content, (dict, list)):
            content = json.dumps(content).encode()
            headers.setdefault("Content-Type", "application/json")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, status, code, message):
        self.reply(status, {"error": message}, X_Error_Code=code, X_Error_Message=message)

    @property
    def knows_user(self):
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def repository(self, name):
        """The repository, where this user may know of it; it is refused otherwise."""
        found = self.server.repositories.get(name)
        if found is None or (found.private and not self.knows_user):
            self.refuse(404 if self.knows_user else 401, "RepoNotFound", "Repository not found")
            return None
        return found

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(f"{self.command} {path}")
        if self.server.status is not None:
            self.reply(self.server.status, {"error": "Down for maintenance"})
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            self.send_info(match[1], match[2] or "main")
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self.send_file(*match.groups())
        elif match := re.fullmatch(r"/blobs/([0-9a-f]{64})/(.+)", path):
            self.send_blob(*match.groups())
        else:
            self.refuse(404, "EntryNotFound", f"The tests know no {path}")

    def send_info(self, name, revision):
        repository = self.repository(name)
        if repository is None:
            return
        sha = repository.resolve(revision)
        if sha is None and (revision != "main" or repository.commits):
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        files = repository.commits.get(sha, {})
        about = {
            "id": name,
            "sha": sha,
            "private": repository.private,
            "gated": "manual" if repository.gated else False,
            "siblings": [{"rfilename": file} for file in files],
            "cardData": card_data_of(files),
        }
        self.reply(200, about)

    def send_file(self, name, revision, file):
        repository = self.repository(name)
        if repository is None:
            return
        sha = repository.resolve(revision)
        if repository.gated:
            self.refuse(403, "GatedRepo", f"Access to model {name} is restricted")
        elif sha is None:
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif file not in repository.commits[sha]:
            self.refuse(404, "EntryNotFound", "Entry not found")
        elif file.endswith(".safetensors"):
            # Large files lie elsewhere, named by their sum.
            content = repository.commits[sha][file]
            digest = hashlib.sha256(content).hexdigest()
            self.server.blobs[digest] = content
            linked = {"X_Linked_Size": str(len(content)), "X_Linked_Etag": f'"{digest}"'}
            # Of another host: huggingface_hub follows redirects within one by itself.
            place = f"http://localhost:{self.server.server_port}/blobs/{digest}/{file}"
            self.reply(302, ETag='"of the pointer"', Location=place, X_Repo_Commit=sha, **linked)
        else:
            content = repository.commits[sha][file]
            blob = b"blob %d\0" % len(content) + content
            etag = f'"{hashlib.sha1(blob).hexdigest()}"'
            self.reply(200, content, ETag=etag, X_Repo_Commit=sha)

    def send_blob(self, digest, file):
        content = self.server.spoiled.get(file, self.server.blobs[digest])
        start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        # What is cut is announced as cut: a connection that breaks off is tried for many seconds.
        part = content[: self.server.cut.get(file)][int(start[1]) if start else 0 :]
        about = f"bytes {len(content) - len(part)}-{len(content) - 1}/{len(content)}"
        self.reply(206 if start else 200, part, **({"Content_Range": about} if start else {}))

    def do_POST(self):
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(f"POST {path}")
        body = self.body()
        if path == "/api/validate-yaml":
            self.reply(200, {"errors": [], "warnings": []})
        elif not self.knows_user:
            self.refuse(401, "Unauthorized", "Invalid username or password.")
        elif path == "/api/repos/create":
            self.create(json.loads(body))
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/preupload/main", path):
            files = [file["path"] for file in json.loads(body)["files"]]
            modes = {name: "lfs" if name.endswith(".safetensors") else "regular" for name in files}
            told = [{"path": n, "uploadMode": modes[n], "shouldIgnore": False} for n in files]
            self.reply(200, {"files": told})
        elif re.fullmatch(r"/[^/]+/[^/]+\.git/info/lfs/objects/batch", path):
            self.send_places(json.loads(body)["objects"])
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", path):
            self.commit(match[1], [json.loads(line) for line in body.splitlines()])
        else:
            self.refuse(404, "EntryNotFound", f"The tests know no {path}")

    def create(self, asked):
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        url = f"{self.server.url}/{name}"
        if name in self.server.repositories:
            self.reply(409, {"error": "You already created this model repo", "url": url})
        elif name.startswith("others/"):
            self.refuse(403, "Forbidden", "You don't have the rights to create a model there")
        else:
            private = asked.get("private") or asked.get("visibility") == "private"
            self.server.repositories[name] = Repository(private=bool(private))
            self.server.repositories[name].commit({".gitattributes": b"*.safetensors filter=lfs\n"})
            self.reply(200, {"url": url, "name": name})

    def send_places(self, objects):
        told = []
        for each in objects:
            place = {"href": f"{self.server.url}/upload/{each['oid']}"}
            known = each["oid"] in self.server.blobs
            told.append({**each, **({} if known else {"actions": {"upload": place}})})
        self.reply(200, {"transfer": "basic", "objects": told})

    def do_PUT(self):
        self.server.asked.append(f"PUT {self.path}")
        content = self.body()
        digest = hashlib.sha256(content).hexdigest()
        assert self.path == f"/upload/{digest}"
        self.server.blobs[digest] = content
        self.reply(200)

    def commit(self, name, lines):
        files = {}
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.blobs[value["oid"]]
        sha = self.server.repositories[name].commit(files)
        self.reply(200, {"commitUrl": f"{self.server.url}/{name}/commit/{sha}", "commitOid": sha})
