// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeedRegistry} from "../../src/interfaces/IFeedRegistry.sol";
import {IPublisherBonds} from "../../src/interfaces/IPublisherBonds.sol";
import {BondBase} from "../BondBase.sol";

/// @notice Bonds, unbonds, equivocates, reports, rotates, revokes and lets time pass; keeps its own account of the
/// money.
contract BondsHandler is BondBase {
    uint256[3] private _keys = [uint256(keccak256("a")), uint256(keccak256("b")), uint256(keccak256("c"))];
    address[3] public publishers;
    address[2] public reporters;
    bytes32[2] public feedsOf;

    uint256 public paidIn;
    uint256 public paidOut;
    uint256 public burned;
    mapping(bytes32 feedId => mapping(address publisher => uint256)) public unbondedAt;
    mapping(bytes32 feedId => mapping(address publisher => bool)) public wasSlashed;
    uint256 public withdrawals;
    uint256 public slashes;
    uint256 public slashesOfUnbonding;
    uint256 public rewardsPaid;
    bool public withdrewTooSoon;
    bool public slashedTwice;

    constructor() {
        setUp();
        address[] memory set = new address[](3);
        for (uint256 i = 0; i < 3; ++i) {
            set[i] = publishers[i] = vm.addr(_keys[i]);
        }
        vm.startPrank(feedOwner);
        feedsOf[0] = feeds.createFeed("money", 16, PERIOD, MIN_BOND, set, 0);
        feedsOf[1] = feeds.createFeed("free", 16, PERIOD, 0, set, 0);
        vm.stopPrank();
        reporters = [reporter, publishers[0]];
        paidIn = MIN_BOND; // of BondBase's own feed, which nobody here touches
    }

    function registry() external view returns (IFeedRegistry) {
        return feeds;
    }

    function untouched() external pure returns (uint256) {
        return MIN_BOND;
    }

    function addBond(uint256 f, uint256 p, uint96 amount) external {
        amount = uint96(bound(amount, 1, 20 ether));
        vm.deal(user, amount);
        vm.prank(user);
        try feeds.bond{value: amount}(feedsOf[f % 2], publishers[p % 3]) {
            paidIn += amount;
        } catch {}
    }

    function unbond(uint256 f, uint256 p, uint96 part) external {
        (bytes32 id, address publisher) = (feedsOf[f % 2], publishers[p % 3]);
        uint256 bonded = feeds.bondOf(id, publisher).bonded;
        if (bonded == 0) return;
        vm.prank(publisher);
        feeds.requestUnbond(id, bound(part, 1, bonded));
        unbondedAt[id][publisher] = block.timestamp;
    }

    function withdrawBond(uint256 f, uint256 p) external {
        (bytes32 id, address publisher) = (feedsOf[f % 2], publishers[p % 3]);
        vm.prank(publisher);
        try feeds.withdrawBond(id, publisher) returns (uint256 amount) {
            paidOut += amount;
            ++withdrawals;
            if (block.timestamp < unbondedAt[id][publisher] + feeds.UNBONDING_TIME()) withdrewTooSoon = true;
        } catch {}
    }

    function equivocate(uint256 f, uint256 p, uint256 by, uint32 ago) external {
        bytes32 id = feedsOf[f % 2];
        IFeedRegistry.ObservationHeader memory a = _header(5);
        a.feedId = id;
        a.seq -= uint64(bound(ago, 0, 50 days) / PERIOD);
        IFeedRegistry.ObservationHeader memory b = _header(6);
        (b.feedId, b.seq) = (id, a.seq);
        uint256 key = _keys[p % 3];
        IPublisherBonds.Bond memory before = feeds.bondOf(id, vm.addr(key));
        (bytes memory first, bytes memory second) = (_signature(a, key), _signature(b, key));
        vm.prank(reporters[by % 2]);
        try feeds.reportEquivocation(a, first, b, second) returns (address publisher, uint256 reward) {
            burned += uint256(before.bonded) + before.unbonding - reward;
            if (wasSlashed[id][publisher]) slashedTwice = true;
            wasSlashed[id][publisher] = true;
            ++slashes;
            if (before.unbonding != 0) ++slashesOfUnbonding;
        } catch {}
    }

    function withdrawReward(uint256 by) external {
        address account = reporters[by % 2];
        vm.prank(account);
        try feeds.withdrawReward(account) returns (uint256 amount) {
            paidOut += amount;
            ++rewardsPaid;
        } catch {}
    }

    /// The owner of the feeds does what it can, seldom enough that something is left to do.
    function govern(uint256 f, uint256 p, uint8 what) external {
        vm.startPrank(feedOwner);
        if (what % 16 == 0) {
            try feeds.revoke(feedsOf[f % 2], publishers[p % 3]) {} catch {}
        } else if (what % 4 == 0) {
            address[] memory set = new address[](2);
            (set[0], set[1]) = (publishers[p % 3], publishers[(p % 3 + 1) % 3]);
            feeds.rotate(feedsOf[f % 2], set, 1 hours);
        }
        vm.stopPrank();
    }

    function pass(uint32 time) external {
        vm.warp(block.timestamp + bound(time, 1, 40 days));
    }

    /// Whether this publisher's newest header is accepted in the current set.
    function accepted(uint256 f, uint256 p) external view returns (bool) {
        IFeedRegistry.ObservationHeader memory header = _header(5);
        header.feedId = feedsOf[f];
        header.setEpoch = feeds.feedOf(header.feedId).epoch;
        try feeds.verify(header, _signature(header, _keys[p])) returns (address) {
            return true;
        } catch {
            return false;
        }
    }
}

/// @notice Bonds are solvent.
contract BondsInvariants is BondBase {
    BondsHandler internal handler;
    IFeedRegistry internal subject;

    function setUp() public override {
        handler = new BondsHandler();
        subject = handler.registry();
        bytes4[] memory verbs = new bytes4[](7);
        verbs[0] = BondsHandler.addBond.selector;
        verbs[1] = BondsHandler.unbond.selector;
        verbs[2] = BondsHandler.withdrawBond.selector;
        verbs[3] = BondsHandler.equivocate.selector;
        verbs[4] = BondsHandler.withdrawReward.selector;
        verbs[5] = BondsHandler.govern.selector;
        verbs[6] = BondsHandler.pass.selector;
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: verbs}));
    }

    /// What is owed is what is held, entry by entry; what came in is held, was paid out, or was burned.
    function invariant_solvency() public view {
        assertEq(subject.totalBonds() + subject.totalRewards(), address(subject).balance);
        assertEq(handler.paidIn(), address(subject).balance + handler.paidOut() + handler.burned());
        assertEq(BURN.balance, handler.burned());
        uint256 bonds = handler.untouched();
        for (uint256 f = 0; f < 2; ++f) {
            for (uint256 p = 0; p < 3; ++p) {
                IPublisherBonds.Bond memory entry = subject.bondOf(handler.feedsOf(f), handler.publishers(p));
                bonds += uint256(entry.bonded) + entry.unbonding;
                assertEq(entry.unbonding == 0, entry.withdrawableAt == 0);
            }
        }
        assertEq(bonds, subject.totalBonds());
        uint256 rewards = subject.rewardOf(handler.reporters(0)) + subject.rewardOf(handler.reporters(1));
        assertEq(rewards, subject.totalRewards());
    }

    /// Slashed once, empty for good, and never heard again.
    function invariant_slashedIsOver() public view {
        assertFalse(handler.slashedTwice());
        assertFalse(handler.withdrewTooSoon());
        for (uint256 f = 0; f < 2; ++f) {
            for (uint256 p = 0; p < 3; ++p) {
                (bytes32 id, address publisher) = (handler.feedsOf(f), handler.publishers(p));
                IPublisherBonds.Bond memory entry = subject.bondOf(id, publisher);
                assertEq(entry.slashed, handler.wasSlashed(id, publisher));
                if (entry.slashed) assertEq(uint256(entry.bonded) + entry.unbonding, 0);
                if (handler.accepted(f, p)) {
                    assertFalse(entry.revoked);
                    assertGe(entry.bonded, subject.feedOf(id).minBond);
                }
            }
        }
    }

    /// The sequences above do reach their ends (otherwise the invariants would hold for nothing).
    function test_theHandlerReachesEverything() public {
        handler.addBond(0, 0, 12 ether);
        handler.addBond(0, 1, 12 ether);
        handler.addBond(1, 2, 1 ether);
        assertTrue(handler.accepted(0, 0) && handler.accepted(1, 1));
        handler.unbond(0, 0, 5 ether);
        assertFalse(handler.accepted(0, 0));
        handler.unbond(0, 1, 2 ether);
        handler.equivocate(0, 0, 0, 1 days);
        handler.equivocate(0, 0, 1, 0);
        handler.withdrawReward(0);
        handler.pass(40 days);
        handler.withdrawBond(0, 1);
        assertEq(handler.withdrawals(), 0);
        handler.pass(40 days);
        handler.withdrawBond(0, 1);
        handler.govern(0, 0, 4);
        handler.govern(1, 2, 16);
        assertEq(handler.slashes(), 1);
        assertEq(handler.slashesOfUnbonding(), 1);
        assertEq(handler.rewardsPaid(), 1);
        assertEq(handler.withdrawals(), 1);
        invariant_solvency();
        invariant_slashedIsOver();
    }
}
