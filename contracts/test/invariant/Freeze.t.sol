// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {IVerifierRouter} from "../../src/interfaces/IVerifier.sol";
import {VerifierRouter} from "../../src/verifier/VerifierRouter.sol";
import {Base} from "../Base.sol";

/// @notice Two routers: one of production, whose owner and guardian do all they can in any order; and the oracle's,
/// where versions are added and frozen while requests are made and answered.
contract FreezeHandler is Base {
    bytes32 internal constant CEREMONY = keccak256("ceremony");
    uint64 internal constant DELAY = 2 days;

    VerifierRouter public production;
    mapping(uint32 version => uint256) public proposedAt;
    mapping(uint32 version => bool) public wasFrozen;
    uint256 public activations;
    uint256 public freezes;
    uint256 public guardians;
    bool public activatedTooSoon;
    bool public thawed;

    bytes32[] public ids;
    uint256 public answers;
    uint256 public stopped;
    bool public answeredByFrozen;

    constructor() {
        setUp();
        production = new VerifierRouter(owner, guardian, CEREMONY, DELAY);
    }

    function oracleRouter() external view returns (IVerifierRouter) {
        return router;
    }

    // ---------------------------------------------------------------- production

    function propose(bool aggregate) external {
        if (production.versionCount() >= 12) return;
        address wrapper = aggregate ? address(aggregated) : address(direct);
        bytes32 inner = aggregate ? address(aggregatedRaw).codehash : bytes32(0);
        vm.prank(owner);
        uint32 version = production.addVersion(wrapper, wrapper.codehash, inner, CEREMONY);
        proposedAt[version] = block.timestamp;
    }

    function activate(uint32 which) external {
        uint32 version = _pick(which);
        try production.activate(version) {
            ++activations;
            if (block.timestamp < proposedAt[version] + DELAY) activatedTooSoon = true;
            if (wasFrozen[version]) thawed = true;
        } catch {}
    }

    function cancel(uint32 which) external {
        if (which % 4 != 0) return;
        vm.prank(owner);
        try production.cancel(_pick(which / 4)) {} catch {}
    }

    function freeze(uint32 which) external {
        uint32 version = _pick(which);
        vm.prank(production.guardian());
        try production.freeze(version) {
            ++freezes;
            wasFrozen[version] = true;
        } catch {}
    }

    function changeGuardian(uint8 step) external {
        address next = step % 8 < 4 ? operator : user;
        if (step % 2 == 0) {
            vm.prank(owner);
            production.proposeGuardian(next);
        } else {
            vm.prank(next);
            try production.acceptGuardian() {
                ++guardians;
            } catch {}
        }
    }

    // ---------------------------------------------------------------- the oracle's

    function ask(uint8 mode) external {
        IDodonaOracle.RequestParams memory params = _params(model, mode % 2);
        params.deadline = uint64(block.timestamp + 20 days);
        try this.askExternally(params) returns (bytes32 id) {
            ids.push(id);
        } catch {}
    }

    function askExternally(IDodonaOracle.RequestParams memory params) external returns (bytes32) {
        return _request(params);
    }

    function answer(uint256 which) external {
        if (ids.length == 0) return;
        bytes32 id = ids[which % ids.length];
        IDodonaOracle.Request memory asked = oracle.requestOf(id);
        Delivery memory d = _delivery(id, model, asked.mode);
        uint64 seq = asked.createdAt / PERIOD;
        d.slots[0].observations[0].header.seq = seq;
        d.slots[0].observations[0].header.observedAt = seq * PERIOD;
        d.slots[0].observations[0].header.validUntil = type(uint64).max;
        d.slots[0].observations[0] = _sign(d.slots[0].observations[0].header, key1);
        bool frozen = router.isFrozen(asked.verifierVersion);
        _prove(d);
        vm.prank(operator);
        try oracle.fulfil(d.ids, d.mode, d.payee, d.expiry, d.slots, d.proof) {
            ++answers;
            if (frozen) answeredByFrozen = true;
        } catch {
            if (frozen && asked.status == IDodonaOracle.Status.Open) ++stopped;
        }
    }

    function freezeInUse(uint8 which, bool add) external {
        uint32 version = uint32(which % router.versionCount()) + 1;
        vm.prank(guardian);
        try router.freeze(version) {} catch {}
        if (!add) return;
        vm.startPrank(owner);
        router.addVersion(address(direct), address(direct).codehash, 0, DEV_SRS);
        router.addVersion(address(aggregated), address(aggregated).codehash, address(aggregatedRaw).codehash, DEV_SRS);
        vm.stopPrank();
    }

    function pass(uint32 time) external {
        vm.warp(block.timestamp + bound(time, 1, 2 days));
    }

    function _pick(uint32 which) private view returns (uint32) {
        uint32 count = production.versionCount();
        return count == 0 ? 0 : which % count + 1;
    }
}

/// @notice Freeze stops.
contract FreezeInvariants is Base {
    FreezeHandler internal handler;

    function setUp() public override {
        handler = new FreezeHandler();
        bytes4[] memory verbs = new bytes4[](9);
        verbs[0] = FreezeHandler.propose.selector;
        verbs[1] = FreezeHandler.activate.selector;
        verbs[2] = FreezeHandler.cancel.selector;
        verbs[3] = FreezeHandler.freeze.selector;
        verbs[4] = FreezeHandler.changeGuardian.selector;
        verbs[5] = FreezeHandler.ask.selector;
        verbs[6] = FreezeHandler.answer.selector;
        verbs[7] = FreezeHandler.freezeInUse.selector;
        verbs[8] = FreezeHandler.pass.selector;
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: verbs}));
    }

    /// Nothing is verified by a frozen version, ever again; and nothing comes in before its delay.
    function invariant_freezeStops() public view {
        assertFalse(handler.answeredByFrozen());
        assertFalse(handler.thawed());
        assertFalse(handler.activatedTooSoon());
        VerifierRouter production = handler.production();
        for (uint32 v = 1; v <= production.versionCount(); ++v) {
            assertEq(production.isFrozen(v), handler.wasFrozen(v));
        }
        _checkRouter(production);
        _checkRouter(handler.oracleRouter());
    }

    /// @dev `verifierOf` answers for active versions only, and `latestOf` names the greatest of them.
    function _checkRouter(IVerifierRouter subject) private view {
        uint32[2] memory latest;
        for (uint32 v = 1; v <= subject.versionCount(); ++v) {
            (IVerifierRouter.Version memory version, IVerifierRouter.Status status,,) = subject.proposalOf(v);
            bool active = status == IVerifierRouter.Status.Active;
            if (active) latest[version.mode] = v;
            (bool ok, bytes memory data) = address(subject).staticcall(abi.encodeCall(subject.verifierOf, (v)));
            assertEq(ok, active);
            if (status == IVerifierRouter.Status.Frozen) {
                assertEq(data, abi.encodeWithSelector(IVerifierRouter.VersionFrozen.selector, v));
            }
        }
        for (uint8 mode = 0; mode < 2; ++mode) {
            (bool ok, bytes memory data) =
                address(subject).staticcall(abi.encodeCall(subject.latestOf, (mode, mode == 0 ? 0 : SHAPE)));
            assertEq(ok, latest[mode] != 0);
            if (ok) assertEq(abi.decode(data, (uint32)), latest[mode]);
        }
    }

    /// The sequences above do reach their ends (otherwise the invariant would hold for nothing).
    function test_theHandlerReachesEverything() public {
        handler.propose(false);
        handler.propose(true);
        handler.changeGuardian(0);
        handler.ask(0);
        handler.ask(1);
        handler.ask(0);
        handler.answer(0);
        handler.freezeInUse(0, true);
        handler.answer(2);
        handler.answer(1);
        handler.ask(0);
        handler.answer(3);
        handler.activate(0);
        assertEq(handler.activations(), 0);
        handler.pass(2 days);
        handler.activate(0);
        handler.activate(1);
        handler.changeGuardian(1);
        handler.freeze(1);
        assertEq(handler.activations(), 2);
        assertEq(handler.freezes(), 1);
        assertEq(handler.guardians(), 1);
        assertEq(handler.answers(), 3);
        assertEq(handler.stopped(), 1);
        invariant_freezeStops();
    }
}
