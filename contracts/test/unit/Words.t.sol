// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";

import {CodeStore} from "../../src/libraries/CodeStore.sol";
import {Words} from "../../src/libraries/Words.sol";

contract WordsTest is Test {
    function pack(int64[] memory values) external pure returns (uint256[] memory) {
        return Words.packInputs(values);
    }

    function testFuzz_outputsSurvive(int64[] memory values, bool inDomain, bool unsaturated) public pure {
        vm.assume(values.length > 0 && values.length <= 45);
        uint256[] memory words = Words.packOutputs(values, inDomain, unsaturated);
        assertEq(words.length, (values.length + 2) / 3);
        int64[] memory back = Words.unpackOutputs(words, values.length);
        for (uint256 i = 0; i < values.length; ++i) {
            assertEq(back[i], values[i]);
        }
        for (uint256 i = 0; i < words.length; ++i) {
            assertEq(words[i] & ~Words.outputMask(i, values.length), 0);
            assertLt(words[i], Words.R);
        }
        assertEq((words[0] >> 192) & 1, inDomain ? 1 : 0);
        assertEq((words[0] >> 193) & 1, unsaturated ? 1 : 0);
    }

    function test_outputsByHand() public pure {
        int64[] memory values = new int64[](4);
        (values[0], values[1], values[2], values[3]) = (0, -1, type(int64).min, type(int64).max);
        uint256[] memory words = Words.packOutputs(values, true, false);
        assertEq(words[0], (uint256(1) << 63) | (((uint256(1) << 63) - 1) << 64) | (uint256(1) << 192));
        assertEq(words[1], type(uint64).max);
    }

    function test_inputsByHand() public pure {
        int64[] memory values = new int64[](7);
        values[0] = -(1 << 40);
        values[1] = (1 << 40) - 1;
        values[6] = 3;
        uint256[] memory words = Words.packInputs(values);
        uint256 expected = ((uint256(1) << 41) - 1) << 42;
        for (uint256 j = 2; j < 6; ++j) {
            expected |= uint256(1) << (40 + 42 * j);
        }
        assertEq(words.length, 2);
        assertEq(words[0], expected);
        assertEq(words[1], (uint256(1) << 40) + 3);
    }

    function testFuzz_inputsAreInjective(int64[6] memory a, int64[6] memory b) public pure {
        int64[] memory x = new int64[](6);
        int64[] memory y = new int64[](6);
        bool same = true;
        for (uint256 i = 0; i < 6; ++i) {
            x[i] = int64(bound(a[i], -(1 << 40), (1 << 40) - 1));
            y[i] = int64(bound(b[i], -(1 << 40), (1 << 40) - 1));
            same = same && x[i] == y[i];
        }
        uint256 word = Words.packInputs(x)[0];
        assertLt(word, 1 << 252);
        assertEq(word == Words.packInputs(y)[0], same);
    }

    function testFuzz_refusesInputsOutsideTheLane(int64 value) public {
        vm.assume(value >= 1 << 40 || value < -(1 << 40));
        int64[] memory values = new int64[](1);
        values[0] = value;
        vm.expectRevert(abi.encodeWithSelector(Words.InputOutOfRange.selector, 0, value));
        this.pack(values);
    }

    function testFuzz_codeStoreKeepsBytes(bytes memory data) public {
        address at = CodeStore.write(data);
        assertEq(CodeStore.read(at), data);
        (bool ok, bytes memory returned) = at.call("anything");
        assertTrue(ok);
        assertEq(returned.length, 0);
    }

    function store(uint256 length) external returns (address) {
        return CodeStore.write(new bytes(length));
    }

    function test_codeStoreRefusesWhatDoesNotFit() public {
        this.store(24_575);
        vm.expectRevert(abi.encodeWithSelector(CodeStore.StoreFailed.selector, 24_576));
        this.store(24_576);
    }
}
